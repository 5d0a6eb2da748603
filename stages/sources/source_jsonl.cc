// source-jsonl: jsonl://
#include "sources/jsonl_source.h"

int main(int argc, char** argv) { return datagen::run_source<datagen::JsonlSource>(argc, argv); }
