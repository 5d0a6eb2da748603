
#include <string>
#include <string_view>
// split_text: one record for each paragraph, or for each N characters, of a text field.
#include <datagen/stage.h>

namespace {

struct SplitText : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Splits a text field into one record a paragraph, or a number of characters",
               "stages: [{split_text: {by: chars, chars: 2000}}]");
    p.text("field", "text").help("the field to split; the other fields are copied into each part");
    p.choice("by", {"paragraph", "chars"}, "paragraph").help("paragraphs end at blank lines");
    p.integer("chars", 1000).min(1).help("code points in a part, with by: chars; the last may be shorter");
  }

  void open(datagen::Context& context) override {
    field_ = context.param<std::string>("field");
    by_chars_ = context.param<std::string_view>("by") == "chars";
    chars_ = context.param<std::size_t>("chars");
  }

  void process_item(datagen::Item& item, datagen::Context&) override {
    const std::string_view text = item.text(field_);
    const std::size_t parts = by_chars_ ? split_by_chars(item, text) : split_by_paragraph(item, text);
    if (parts == 0) item.drop("empty_text");
  }

 private:
  std::size_t split_by_chars(datagen::Item& item, std::string_view text) const {
    std::size_t parts = 0;
    for (; !text.empty(); ++parts) {
      const std::size_t length = datagen::code_point_offset(text, chars_);
      item.emit_copy({{field_, text.substr(0, length)}});
      text.remove_prefix(length);
    }
    return parts;
  }

  // A paragraph is a run of lines that are not blank; white space around it does not belong to it.
  std::size_t split_by_paragraph(datagen::Item& item, std::string_view text) const {
    std::size_t parts = 0;
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= text.size();) {
      std::size_t end = text.find('\n', at);
      if (end == std::string_view::npos) end = text.size();
      const bool blank = datagen::strip(text.substr(at, end - at)).empty();
      const bool last = end == text.size();
      if (blank || last) {
        const std::string_view paragraph = datagen::strip(text.substr(begin, (blank ? at : end) - begin));
        if (!paragraph.empty()) {
          item.emit_copy({{field_, paragraph}});
          ++parts;
        }
        begin = end + 1;
      }
      at = end + 1;
    }
    return parts;
  }

  std::string field_;
  bool by_chars_ = false;
  std::size_t chars_ = 1000;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<SplitText>(argc, argv); }
