// source-csv: csv://
#include "sources/csv_source.h"

int main(int argc, char** argv) { return datagen::run_source<datagen::CsvSource>(argc, argv); }
