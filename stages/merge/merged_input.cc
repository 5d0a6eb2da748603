#include "merge/merged_input.h"

#include <stdexcept>
#include <utility>

#include "datagen/input_stream.h"
#include "fingerprint.h"

namespace datagen {

namespace {
constexpr std::size_t kFrameBytes = 256 << 10;
}

MergedInput::MergedInput(std::string name, std::unique_ptr<Source> source, ParameterValues parameters,
                         std::vector<InputFile> files, std::uint32_t first_file)
    : name_(std::move(name)),
      source_(std::move(source)),
      state_("source." + name_, 0, std::move(parameters)),
      context_(state_),
      files_(std::move(files)),
      first_file_(first_file),
      space_(kFrameBytes) {}

void MergedInput::open(const Place& place) {
  source_->open(files_, place.cursor, context_);
  place_ = {place.cursor, 0};
  end_cursor_ = place.cursor;
  SourcePosition last;
  for (std::uint32_t left = place.taken; left > 0; --left) {
    const MergedRecord* record = peek();
    if (record == nullptr)
      throw std::runtime_error("the input '" + name_ +
                               "' has fewer records than were read of it: it was changed");
    last = record->position;
    take();
  }
  // The source has looked at what stands before its cursor; of a packed file there is no telling more.
  const InputFile& file = files_.at(place.taken == 0 ? 0 : last.source - first_file_);
  if (compression_of(file.uri) == Compression::none) check_fingerprint(file, last.offset);
}

std::string MergedInput::place_text(const SourcePosition& position) const {
  return files_.at(position.source - first_file_).uri + " line " + std::to_string(position.line);
}

const MergedRecord* MergedInput::peek() {
  if (failure_) std::rethrow_exception(failure_);
  while (!has_record_ && !is_at_end_) {
    if (next_record_ == frame_.size() && next_rejected_ == rejected_.size()) {
      fill();
    } else {
      show();
    }
  }
  return has_record_ ? &record_ : nullptr;
}

void MergedInput::take() {
  has_record_ = false;
  ++place_.taken;
}

// The next frame of the source.
void MergedInput::fill() {
  rejected_.clear();
  notes_.clear();
  next_record_ = next_rejected_ = 0;
  writer_.begin(space_, FrameOrigin{});
  SourceFrame frame(writer_, notes_, no_dead_letters_, rejected_);
  try {
    is_at_end_ = !source_->read(frame);
  } catch (const std::exception&) {
    frame_ = {};
    failure_ = std::current_exception();
    throw;
  }
  if (is_at_end_) return void(frame_ = {});
  place_ = {end_cursor_, 0};
  end_cursor_ = writer_.origin().cursor_view();
  auto read = FrameReader::open(writer_.finish({}));
  if (!read) throw std::runtime_error(read.error().message());
  frame_ = std::move(read).value();
}

// Records and rejected ones in the order of their rows.
void MergedInput::show() {
  has_record_ = true;
  const bool has_rejected = next_rejected_ < rejected_.size();
  if (next_record_ < frame_.size()) {
    const RecordView record = frame_[next_record_];
    if (!has_rejected || record.origin.row < rejected_[next_rejected_].position.row) {
      ++next_record_;
      const Origin& origin = record.origin;
      record_ = {
          record.payload, {origin.source + first_file_, origin.row, origin.line, origin.offset}, {}, {}};
      return;
    }
  }
  const RejectedRecord& rejected = rejected_[next_rejected_++];
  record_ = {rejected.bytes, rejected.position, rejected.reason, rejected.message};
  record_.position.source += first_file_;
}

}  // namespace datagen
