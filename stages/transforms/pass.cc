// pass: hands records on untouched. What it is for is its place in a graph: it joins branches.
#include <datagen/stage.h>

namespace {

struct Pass : datagen::Operator {
  static constexpr bool hands_on_untouched = true;
  static void describe(datagen::Parameters& p) {
    p.describe("Hands records on untouched; reading several branches, it joins them",
               "stages: [{pass: {}, from: [a, b]}]");
  }
  void process_item(datagen::Item&, datagen::Context&) override {}
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Pass>(argc, argv); }
