#include "sink_journal.h"

#include <cstring>
#include <fstream>

namespace datagen {

namespace {

enum class Kind : std::uint32_t { accounts = 1, mark = 2 };

// Before each entry. A mark's bytes are JournalMark, then cursor and path, each behind its length.
struct Head {
  Kind kind;
  std::uint32_t bytes;
};

void append_bytes(std::string& out, const void* bytes, std::size_t count) {
  out.append(static_cast<const char*>(bytes), count);
}

void append_text(std::string& out, std::string_view text) {
  const auto bytes = static_cast<std::uint32_t>(text.size());
  append_bytes(out, &bytes, sizeof bytes);
  out.append(text);
}

bool take(std::string_view& from, void* to, std::size_t count) {
  if (from.size() < count) return false;
  std::memcpy(to, from.data(), count);
  from.remove_prefix(count);
  return true;
}

bool take_text(std::string_view& from, std::string& text) {
  std::uint32_t bytes = 0;
  if (!take(from, &bytes, sizeof bytes) || from.size() < bytes) return false;
  text.assign(from.substr(0, bytes));
  from.remove_prefix(bytes);
  return true;
}

bool read_mark(std::string_view bytes, const Totals& totals, Commit& commit) {
  JournalMark mark;
  if (!take(bytes, &mark, sizeof mark) || !take_text(bytes, commit.cursor) ||
      !take_text(bytes, commit.output_path))
    return false;
  commit.mark = mark.mark;
  commit.seq = mark.seq;
  commit.output_bytes = mark.output_bytes;
  commit.file_bytes = mark.file_bytes;
  commit.tail_hash = mark.tail_hash;
  commit.dead_letter_bytes = mark.dead_letter_bytes;
  commit.output_records = mark.output_records;
  commit.totals = totals;
  return true;
}

}  // namespace

void SinkJournal::open(int number, std::uint64_t bytes) {
  number_ = number;
  file_.emplace();
  file_->open(path_ + "." + std::to_string(number), bytes);
}

void SinkJournal::begin(const Totals& totals) {
  open(0, 0);
  entry_.clear();
  totals.append_to(entry_);
  const std::string accounts = entry_;
  append(accounts, nullptr);
}

void SinkJournal::turn_over(const Totals& totals) {
  open(1 - number_, 0);
  std::string accounts;
  totals.append_to(accounts);
  append(accounts, nullptr);
}

void SinkJournal::append(std::string_view accounts, const Commit* mark) {
  entry_.clear();
  const Head head{Kind::accounts, static_cast<std::uint32_t>(accounts.size())};
  append_bytes(entry_, &head, sizeof head);
  entry_.append(accounts);
  if (mark != nullptr) {
    std::string bytes;
    const JournalMark fixed{mark->mark,          mark->seq,       mark->output_bytes,
                            mark->file_bytes,    mark->tail_hash, mark->dead_letter_bytes,
                            mark->output_records};
    append_bytes(bytes, &fixed, sizeof fixed);
    append_text(bytes, mark->cursor);
    append_text(bytes, mark->output_path);
    const Head mark_head{Kind::mark, static_cast<std::uint32_t>(bytes.size())};
    append_bytes(entry_, &mark_head, sizeof mark_head);
    entry_.append(bytes);
  }
  file_->write(entry_);
}

Result<SinkJournal::Recovered> SinkJournal::recover(std::uint64_t position) {
  const int number = static_cast<int>(position >> 63);
  const std::uint64_t bytes = position & ~(std::uint64_t{1} << 63);
  open(number, bytes);  // throws when the file is shorter
  const std::string name = path_ + "." + std::to_string(number);
  std::ifstream file(name, std::ios::binary);
  std::string text(bytes, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(bytes))) return Error("cannot read " + name);
  Recovered recovered;
  SideLines lines;
  for (std::string_view rest = text; !rest.empty();) {
    Head head{};
    if (!take(rest, &head, sizeof head) || head.bytes > rest.size())
      return Error(name + " is damaged: an entry is cut short");
    const std::string_view entry = rest.substr(0, head.bytes);
    rest.remove_prefix(head.bytes);
    if (head.kind == Kind::accounts) {
      if (const auto added = recovered.totals.add(entry, lines); !added) return added.error().within(name);
    } else if (head.kind != Kind::mark || !read_mark(entry, recovered.totals, recovered.pending.emplace())) {
      return Error(name + " is damaged: an entry of unknown kind or form");
    }
  }
  return recovered;
}

}  // namespace datagen
