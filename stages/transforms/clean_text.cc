
#include <string>
#include <string_view>
// clean_text: {"text": T, …} becomes {"text": T without surrounding white space, "len": code points of T}.
#include <datagen/stage.h>

namespace {

struct CleanText : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Strips white space around a text field and counts its code points", "stages: [clean_text]");
    p.text("field", "text").help("the field to read; the result is always 'text' and 'len'");
  }

  void open(datagen::Context& context) override { field_ = context.param<std::string>("field"); }

  void process_item(datagen::Item& item, datagen::Context&) override {
    const std::string_view raw = item.text(field_);
    item.assign({{"text", datagen::strip(raw)}, {"len", datagen::count_code_points(raw)}});
  }

  std::string field_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<CleanText>(argc, argv); }
