// CSV into records: wherever reading begins again, and wherever the stream's pieces end.
#include "csv/csv_reader.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <random>

namespace datagen {
namespace {

class CsvFile {
 public:
  explicit CsvFile(const std::string& text) {
    char path[] = "/tmp/datagen-csv.XXXXXX";
    close(mkstemp(path));
    file_ = {path, text.size()};
    std::ofstream(file_.uri, std::ios::binary) << text;
  }
  ~CsvFile() { unlink(file_.uri.c_str()); }
  const InputFile& get() const { return file_; }

 private:
  InputFile file_;
};

struct Row {
  std::string text;
  std::uint64_t row, line, offset;
  friend bool operator==(const Row&, const Row&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Row& it) {
    return out << it.text << " row " << it.row << " line " << it.line << " offset " << it.offset;
  }
};

std::vector<Row> read(const InputFile& file, const CsvFormat& format, const SourcePosition& from,
                      std::vector<SourcePosition>* ends = nullptr) {
  std::vector<Row> rows;
  CsvReader reader(format);
  reader.open(file, {from.offset, from.offset}, from);
  while (const CsvRecord* record = reader.next()) {
    rows.push_back({record->reason.empty() ? record->json : record->reason + ": " + record->message,
                    record->begin.row, record->begin.line, record->begin.offset});
    if (ends != nullptr) ends->push_back(record->end);
  }
  return rows;
}

TEST(CsvReader, NamesRowsLinesAndOffsets) {
  const CsvFile file("a,b\r\n1,\"x\ny\"\r\n\r\n2\r\n");
  EXPECT_EQ(read(file.get(), {}, {}),
            (std::vector<Row>{{R"({"a":"1","b":"x\ny"})", 1, 2, 5},
                              {"ragged_row: the row has 1 fields, there are 2 columns", 4, 5, 16}}));
}

TEST(CsvReader, ARowThatIsTooLongIsGivenUpAndTheNextLineIsRead) {
  const CsvFile file("a,b\n\"" + std::string(50, 'x') + "\n" + std::string(60, 'y') + "\n3,4\n");
  CsvFormat format;
  format.record_bytes_max = 100;
  const auto rows = read(file.get(), format, {});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].text.starts_with("too_long: the row has more than 100 bytes"));
  EXPECT_EQ(rows[1], (Row{R"({"a":"3","b":"4"})", 3, 4, 117}));
}

TEST(CsvReader, ReadingGoesOnBehindEveryRecord) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::string_view kPieces[] = {"a",    "bc",      ",",        ",", "\n", "\n", "\r\n",
                                          "\"\"", "\"x,y\"", "\"q\nr\"", " ", "\"", "\r"};
  for (int round = 0; round < 200; ++round) {
    std::string text = random() % 2 == 0 ? "\xef\xbb\xbfh,i\n" : "h,i\r\n";
    for (std::size_t piece = random() % 60; piece > 0; --piece)
      text += kPieces[random() % std::size(kPieces)];
    if (random() % 20 == 0) text += std::string(300'000, 'L');  // more than one piece of the stream
    const CsvFile file(text);
    CsvFormat format;
    format.has_header = random() % 2 == 0;
    std::vector<SourcePosition> ends;
    const auto whole = read(file.get(), format, {}, &ends);
    for (std::size_t index = 0; index < ends.size(); ++index) {
      const auto rest = read(file.get(), format, ends[index]);
      ASSERT_EQ(rest, std::vector<Row>(whole.begin() + static_cast<std::ptrdiff_t>(index) + 1, whole.end()))
          << text.substr(0, 300);
    }
  }
}

}  // namespace
}  // namespace datagen
