// What is said to a program and what its answers mean; the same for exec and exec_line.
//
// A record goes to the program as one line, with its lineage id as the last field, "_i". An answer line is an
// object (what becomes of the record), an array of objects (its children) or null (it is dropped).
#pragma once

#include <datagen/item.h>

#include <string>
#include <string_view>
#include <vector>

namespace datagen {

// Without a line end. Throws BadRecord for a record that is not valid.
std::string line_for(const Item& item);

// What the program said to one record. Throws BadRecord "bad_answer".
void apply_answer(Item& item, std::string_view answer);

// What it wrote for all records of a batch. Lines with "_i" belong to the record that they name, none being a
// dropped record and several its children. Where no line has one, there must be one for each record, in
// order. Throws BadRecord "bad_answer" when that cannot be.
void apply_answers(Batch& batch, const std::string& output);

}  // namespace datagen
