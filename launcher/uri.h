// Where records come from and go to: SCHEME://PATH, made absolute.
#pragma once

#include <string>
#include <string_view>

#include "ipc/result.h"

namespace datagen::launcher {

struct Uri {
  std::string scheme;  // names the executables source-SCHEME and sink-SCHEME
  std::string path;    // absolute, for schemes that name files; a folder keeps its last slash

  std::string text() const { return scheme + "://" + path; }
  // False for stdin://, stdout://, memory:// and formats on another transport (jsonl+s3://).
  bool names_files() const;
};

// `text` as in a graph: a URI, or a bare path whose scheme follows from its suffixes (data.jsonl.zst: jsonl).
// Relative paths begin at `folder`, which is absolute. Errors: no scheme and no known suffix; no path, or one
// where there is none (stdin://x).
Result<Uri> parse_uri(std::string_view text, std::string_view folder);

}  // namespace datagen::launcher
