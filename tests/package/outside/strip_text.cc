
#include <string_view>
// The shortest stage: a function on one record.
#include <datagen/stage.h>

int main(int argc, char** argv) {
  return datagen::run_stage(argc, argv, [](datagen::Item& item, datagen::Context&) {
    const std::string_view raw = item.text("text");
    item.assign({{"text", datagen::strip(raw)}, {"len", datagen::count_code_points(raw)}});
  });
}
