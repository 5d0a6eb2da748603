// For sources that read files: which files a path stands for, and the cursor that says where one is read on.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <datagen/input_stream.h>
#include <datagen/source.h>

namespace datagen {

// The files behind a path, absolute, with their sizes:
// - a file;
// - a folder: the files in it and below whose names end with one of `suffixes` (or with that and .gz or
// .zst);
// - a pattern with * ? [a-z] within names and ** for any number of folders: what fits, whatever its suffix;
// - @LIST: the paths, folders and patterns that the lines of the file LIST name, relative to its folder;
// blank lines
//   and lines that begin with # are left out.
// Sorted by the bytes of their paths, those of a list in its order. Names that begin with a dot are left out
// unless the pattern's begins with one. Throws std::runtime_error when there are none, when one cannot be
// read, and when a list names one twice.
std::vector<InputFile> list_input_files(const std::string& path,
                                        std::initializer_list<std::string_view> suffixes);

// Of the files before the one with that index.
std::uint64_t bytes_before(const std::vector<InputFile>& files, std::size_t index);

// The parameter max_record, in bytes; `what` a record is in the file: "line".
void declare_record_limit(Parameters& parameters, const std::string& what);

// A place in the files, as the bytes of a cursor.
struct FileCursor {
  SourcePosition position;
  AccessPoint from;

  // Throws std::runtime_error for bytes that make_cursor() did not give.
  static FileCursor read(std::string_view bytes);
  std::string bytes() const;
};

}  // namespace datagen
