#include "direct_output.h"

#include <algorithm>

#include "page_writer.h"

namespace datagen {

namespace {

// What is smaller is likely to be read again soon, and may stay in the page cache.
constexpr std::uint64_t kLargeFile = 16 << 20;
// Frames below it are of a stream that trickles: whoever looks at the file is to see them.
constexpr std::size_t kLargeWrite = 64 << 10;
// A slower disk would not keep up with a run, and the page cache gives it more at a time.
constexpr std::uint64_t kFastDisk = 250'000'000;  // bytes per second

}  // namespace

DirectOutput::DirectOutput(Bypass bypass) : bypass_(bypass) {}
DirectOutput::~DirectOutput() = default;

void DirectOutput::write(std::string_view data) {
  if (!wants_bypass(data.size())) {
    flush();
    file_.write(data);
    return;
  }
  if (!is_in_use_) {
    const std::uint64_t begun_page = file_.bytes() % PageWriter::kPage;
    const std::size_t rest =
        std::min<std::size_t>(data.size(), begun_page == 0 ? 0 : PageWriter::kPage - begun_page);
    file_.write(data.substr(0, rest));
    data.remove_prefix(rest);
    if (data.empty()) return;
    if (!pages_) pages_ = std::make_unique<PageWriter>(file_.fd(), file_.path());
    pages_->begin(file_.bytes());
    is_in_use_ = true;
  }
  pages_->append(data);
}

bool DirectOutput::wants_bypass(std::size_t bytes) {
  if (!file_.is_regular() || bypass_ == Bypass::never) return false;
  if (bypass_ == Bypass::always) return true;
  if (pages_) {
    const std::uint64_t rate = pages_->rate();
    if (rate != 0 && rate < kFastDisk) {
      bypass_ = Bypass::never;
      return false;
    }
  }
  return bytes >= kLargeWrite && file_.bytes() >= kLargeFile;
}

std::uint64_t DirectOutput::bytes() const { return is_in_use_ ? pages_->position() : file_.bytes(); }

std::uint64_t DirectOutput::written() { return is_in_use_ ? pages_->written() : file_.bytes(); }

bool DirectOutput::wait_for_piece() { return is_in_use_ && pages_->wait_for_piece(); }

void DirectOutput::flush() {
  if (!is_in_use_) return;
  const std::string_view left = pages_->end();
  is_in_use_ = false;
  file_.skip_to(pages_->written());
  file_.write(left);
}

void DirectOutput::finish() {
  flush();
  pages_.reset();
}

}  // namespace datagen
