
#include <string_view>
// clean_plain: clean_text as a user writes it first: a lambda on Item.
#include <datagen/stage.h>

int main(int argc, char** argv) {
  return datagen::run_stage(argc, argv, [](datagen::Item& item, datagen::Context&) {
    const std::string_view raw = item.text("text");
    item.assign({{"text", datagen::strip(raw)}, {"len", datagen::count_code_points(raw)}});
  });
}
