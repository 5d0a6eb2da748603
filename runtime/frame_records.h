// The records that an operator works on: those of one frame, or of the frames with one number from several
// branches of one source, paired by lineage.
#pragma once

#include <compare>
#include <span>
#include <string_view>
#include <vector>

#include "frame.h"

namespace datagen {

class FrameRecords {
 public:
  // `frames` must outlive it: one for each branch, in the order of the in-edges. In each, records stand in
  // the order of their lineage, as a source and every operator leave them. A record stands once here however
  // many branches have it; what is worked on is the version of the first of them.
  explicit FrameRecords(std::span<const FrameReader> frames);

  // Where all of them lie; empty for several branches.
  std::string_view text() const { return is_joined() ? std::string_view() : frames_[0].text(); }
  std::size_t size() const { return is_joined() ? records_.size() : frames_[0].size(); }
  RecordView operator[](std::size_t index) const {
    RecordView record;
    read(index, record);
    return record;
  }
  // The same into a record that is there: a processor waits to copy in large pieces what it has just written
  // in small ones.
  void read(std::size_t index, RecordView& record) const {
    if (is_joined()) {
      record = records_[index];
    } else {
      frames_[0].read(index, record);
    }
  }
  // Its version of each branch, in order; one without a payload where that branch does not have it. Nothing
  // for a single branch.
  std::span<const RecordView> branches(std::size_t index) const {
    if (!is_joined()) return {};
    return std::span(versions_).subspan(index * frames_.size(), frames_.size());
  }
  // Records of all branches.
  std::size_t records_in() const;

 private:
  bool is_joined() const { return frames_.size() > 1; }

  std::span<const FrameReader> frames_;
  std::vector<RecordView> records_;   // joined
  std::vector<RecordView> versions_;  // joined: of each record, one for each branch
};

// Before, at or behind the other in the order of a source's records: by row, then child by child.
std::strong_ordering compare_lineage(const RecordView& left, const RecordView& right);

}  // namespace datagen
