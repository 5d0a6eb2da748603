// URIs and bare paths, made absolute.
#include "launcher/uri.h"

#include <gtest/gtest.h>

namespace datagen::launcher {
namespace {

std::string read(std::string_view text) {
  const auto uri = parse_uri(text, "/graphs/a");
  return uri ? uri.value().text() : uri.error().message();
}

TEST(Uri, RelativePathsBeginAtTheFolder) {
  EXPECT_EQ(read("jsonl://data/x.jsonl"), "jsonl:///graphs/a/data/x.jsonl");
  EXPECT_EQ(read("jsonl://./x.jsonl"), "jsonl:///graphs/a/x.jsonl");
  EXPECT_EQ(read("jsonl://../x.jsonl"), "jsonl:///graphs/x.jsonl");
  EXPECT_EQ(read("jsonl:///abs/x.jsonl"), "jsonl:///abs/x.jsonl");
  EXPECT_EQ(read("jsonl://data/raw/**/*.jsonl.zst"), "jsonl:///graphs/a/data/raw/**/*.jsonl.zst");
}

TEST(Uri, AFolderKeepsItsLastSlash) {
  EXPECT_EQ(read("jsonl://data/clean/"), "jsonl:///graphs/a/data/clean/");
}

TEST(Uri, TheFormatOfABarePathFollowsFromItsSuffixes) {
  EXPECT_EQ(read("x.jsonl"), "jsonl:///graphs/a/x.jsonl");
  EXPECT_EQ(read("/b/x.ndjson"), "jsonl:///b/x.ndjson");
  EXPECT_EQ(read("x.jsonl.zst"), "jsonl:///graphs/a/x.jsonl.zst");
  EXPECT_EQ(read("x.csv.gz"), "csv:///graphs/a/x.csv.gz");
  EXPECT_EQ(read("x.tsv"), "csv:///graphs/a/x.tsv");
  EXPECT_EQ(read("x.parquet"), "parquet:///graphs/a/x.parquet");
}

TEST(Uri, ABarePathWithoutKnownSuffixIsRefused) {
  EXPECT_EQ(read("x.txt"),
            "cannot tell the format of 'x.txt' from its name: write for example jsonl://x.txt");
  EXPECT_EQ(read("x.gz"), "cannot tell the format of 'x.gz' from its name: write for example jsonl://x.gz");
  EXPECT_EQ(read("data/"),
            "cannot tell the format of 'data/' from its name: write for example jsonl://data/");
  EXPECT_EQ(read(""), "cannot tell the format of '' from its name: write for example jsonl://");
}

TEST(Uri, StandardStreamsHaveNoPath) {
  EXPECT_EQ(read("stdin://"), "stdin://");
  EXPECT_EQ(read("stdout://"), "stdout://");
  EXPECT_EQ(read("stdin://x"), "'stdin://x': a standard stream has no path, write stdin://");
}

TEST(Uri, WhatNamesNoFilesKeepsItsTextAsItIs) {
  EXPECT_EQ(read("memory://scores"), "memory://scores");
  EXPECT_EQ(read("jsonl+s3://bucket/a/../b"), "jsonl+s3://bucket/a/../b");
  EXPECT_FALSE(parse_uri("memory://scores", "/").value().names_files());
  EXPECT_FALSE(parse_uri("jsonl+s3://b/x", "/").value().names_files());
  EXPECT_FALSE(parse_uri("stdin://", "/").value().names_files());
  EXPECT_TRUE(parse_uri("jsonl://x", "/").value().names_files());
}

TEST(Uri, APathIsNeeded) {
  EXPECT_EQ(read("jsonl://"), "'jsonl://' names no file");
  EXPECT_EQ(read("memory://"), "'memory://' names nothing behind ://");
  EXPECT_EQ(read("jsonl+s3://"), "'jsonl+s3://' names nothing behind ://");
  EXPECT_EQ(read(std::string_view("jsonl://a\0b", 11)), "a path cannot have a NUL byte");
  EXPECT_EQ(read(std::string_view("memory://a\0b", 12)), "a path cannot have a NUL byte");
}

TEST(Uri, ASchemeIsLowerCase) {
  EXPECT_EQ(read("JSONL://x"), "'JSONL' is no scheme (write for example jsonl://PATH)");
  EXPECT_EQ(read("://x"), "'' is no scheme (write for example jsonl://PATH)");
  EXPECT_EQ(read("a/b://x"), "'a/b' is no scheme (write for example jsonl://PATH)");
  EXPECT_EQ(read("../b://x"), "'../b' is no scheme (write for example jsonl://PATH)");
}

TEST(Uri, OneSlashTooFewIsToldAsThat) {
  EXPECT_EQ(read("jsonl:/abs/x"), "'jsonl:/abs/x' needs two slashes: jsonl:///abs/x");
  EXPECT_EQ(read("jsonl:x"), "'jsonl:x' needs two slashes: jsonl://x");
}

}  // namespace
}  // namespace datagen::launcher
