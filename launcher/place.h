// Where in a graph something stands, and what is wrong there.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ipc/result.h"

namespace datagen::launcher {

struct Place {
  std::string file;  // as the user named it; or what stands for a file: "--set score.workers=8"
  int line = 0;      // from 1; 0: the place has no lines
  int column = 0;
};

struct GraphError {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;

  GraphError(const Place& place, std::string what)
      : file(place.file), line(place.line), column(place.column), message(std::move(what)) {}

  // "stages[1].workrs: unknown key (did you mean 'workers'?) at corpus.yaml:7:5"
  std::string text() const {
    if (file.empty()) return message;
    if (line == 0) return message + " at " + file;
    return message + " at " + file + ":" + std::to_string(line) + ":" + std::to_string(column);
  }
};

// All that is wrong, at once, in the order of the file where that can be.
using GraphErrors = std::vector<GraphError>;

// A value, or everything that stands against it.
template <class T>
using Checked = boost::outcome_v2::basic_result<T, GraphErrors, boost::outcome_v2::policy::terminate>;

// In the order of the file; errors of one place stay as they came.
void sort_by_place(GraphErrors& errors);
// One error a line.
std::string show(const GraphErrors& errors);

}  // namespace datagen::launcher
