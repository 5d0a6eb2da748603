// The traps of YAML, and what yaml-cpp lets pass.
#include "launcher/yaml_tree.h"

#include <gtest/gtest.h>

namespace datagen::launcher {
namespace {

using Kind = YamlNode::Kind;

std::string errors_in(const std::string& text) {
  GraphErrors errors;
  parse_yaml(text, "g.yaml", errors);
  std::string shown = show(errors);
  if (!shown.empty()) shown.pop_back();
  return shown;
}

YamlNode tree_of(const std::string& text) {
  GraphErrors errors;
  auto root = parse_yaml(text, "g.yaml", errors);
  EXPECT_TRUE(root && errors.empty()) << show(errors) << "in\n" << text;
  return root ? *root : YamlNode();
}

TEST(YamlTree, EveryValueKnowsWhereItStands) {
  const YamlNode root = tree_of("# first\na: 1\nb:\n  - x\n  - {c: \"d\"}\n");
  ASSERT_EQ(root.members.size(), 2u);
  EXPECT_EQ(root.members[0].key, "a");
  EXPECT_EQ(root.members[0].key_place.line, 2);
  EXPECT_EQ(root.members[0].key_place.column, 1);
  EXPECT_EQ(root.members[0].value.place.column, 4);
  EXPECT_EQ(root.members[0].value.place.file, "g.yaml");
  const YamlNode& list = root.members[1].value;
  ASSERT_TRUE(list.is(Kind::list));
  EXPECT_EQ(list.items[0].text, "x");
  EXPECT_EQ(list.items[0].place.line, 4);
  EXPECT_EQ(list.items[0].place.column, 5);
  EXPECT_EQ(list.items[1].members[0].key_place.column, 6);
  EXPECT_EQ(list.items[1].members[0].value.place.column, 9);
}

TEST(YamlTree, QuotesSayThatItIsAText) {
  const YamlNode root = tree_of("a: 5\nb: \"5\"\nc: '5'\nd: |\n  5\ne: >-\n  5\nf: ! 5\n");
  EXPECT_FALSE(root.find("a")->quoted);
  for (const char* key : {"b", "c", "d", "e", "f"}) EXPECT_TRUE(root.find(key)->quoted) << key;
  EXPECT_EQ(root.find("d")->text, "5\n");
  EXPECT_EQ(root.find("e")->text, "5");
}

TEST(YamlTree, NothingIsNull) {
  const YamlNode root = tree_of("a:\nb: ~\nc: null\nd: \"null\"\ne: \"\"\n");
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(root.find(key)->is(Kind::null)) << key;
  EXPECT_EQ(root.find("d")->text, "null");
  EXPECT_TRUE(root.find("e")->is(Kind::scalar));
}

TEST(YamlTree, JsonIsYaml) {
  const YamlNode root = tree_of("{\"a\": [1, {\"b\": \"c\\u00e4\"}], \"d\": null}");
  EXPECT_EQ(root.find("a")->items[1].find("b")->text, "cä");
  EXPECT_TRUE(root.find("d")->is(Kind::null));
}

TEST(YamlTree, AnAliasIsACopyAtThePlaceOfItsAnchor) {
  const YamlNode root = tree_of("a: &x {b: 1}\nc: *x\n");
  EXPECT_EQ(root.find("c")->find("b")->text, "1");
  EXPECT_EQ(root.find("c")->place.line, 1);
}

TEST(YamlTree, ADuplicateKeyIsAnErrorAndTheFirstStays) {
  GraphErrors errors;
  const auto root = parse_yaml("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n", "g.yaml", errors);
  EXPECT_EQ(show(errors),
            "'a' stands here a second time (first in line 1) at g.yaml:3:1\n"
            "'d' stands here a second time (first in line 4) at g.yaml:4:11\n");
  ASSERT_TRUE(root) << "so that other errors are reported along with these";
  EXPECT_EQ(root->find("a")->text, "1");
}

TEST(YamlTree, ASecondDocumentIsAnError) {
  const std::string expected = "a graph is one document; a second one begins here at g.yaml:2:1";
  EXPECT_EQ(errors_in("a: 1\n---\nb: 2\n"), expected);
  EXPECT_EQ(errors_in("a: 1\n---\n"), expected);
  EXPECT_EQ(errors_in("---\na: 1\n...\n"), "");
}

TEST(YamlTree, AMergeKeyIsAnErrorAndNoTreeIsLeft) {
  GraphErrors errors;
  EXPECT_FALSE(parse_yaml("a: &x {b: 1}\nc:\n  <<: *x\n", "g.yaml", errors));
  EXPECT_EQ(show(errors),
            "'<<' (YAML merge) is not supported: write the keys out, or use defaults at g.yaml:3:3\n");
}

TEST(YamlTree, AKeyIsAPlainText) {
  EXPECT_EQ(errors_in("? [a]\n: b\n"), "a key must be a plain text at g.yaml:1:3");
  EXPECT_EQ(errors_in("{{a: 1}: b}\n"), "a key must be a plain text at g.yaml:1:2");
}

TEST(YamlTree, TagsAreErrorsOnEveryKindOfValue) {
  EXPECT_EQ(errors_in("a: !!str 5\nb: !!set {a, b}\nc: !mine [a]\n"),
            "tags such as tag:yaml.org,2002:str are not supported at g.yaml:1:4\n"
            "tags such as tag:yaml.org,2002:set are not supported at g.yaml:2:4\n"
            "tags such as !mine are not supported at g.yaml:3:4");
}

TEST(YamlTree, AnUnquotedStarIsToldAsWhatItIs) {
  EXPECT_EQ(errors_in("input: *.jsonl\n"),
            "not valid YAML: the referenced anchor is not defined ('*' begins a YAML alias; write "
            "\"*.jsonl\" in quotes) at g.yaml:1:8");
  EXPECT_EQ(errors_in("input: {uri: **/x.jsonl, a: b}\n"),
            "not valid YAML: the referenced anchor is not defined ('*' begins a YAML alias; write "
            "\"**/x.jsonl\" in quotes) at g.yaml:1:14");
  EXPECT_EQ(errors_in("stages: [a, *b]\n"),
            "not valid YAML: the referenced anchor is not defined ('*' begins a YAML alias; write \"*b\" in "
            "quotes) at g.yaml:1:13");
  EXPECT_NE(errors_in("stages:\n  - *b\n").find("write \"*b\" in quotes) at g.yaml:2:5"), std::string::npos);
}

TEST(YamlTree, OtherFirstCharactersAreToldToo) {
  EXPECT_NE(
      errors_in("a: @x\n").find("('@' begins nothing that YAML knows; write \"@x\" in quotes) at g.yaml:1:4"),
      std::string::npos);
  EXPECT_NE(errors_in("a: `x\n").find("write \"`x\" in quotes"), std::string::npos);
  EXPECT_NE(errors_in("a: %x\n").find("write \"%x\" in quotes"), std::string::npos);
  EXPECT_NE(errors_in("a: & x\n").find("('&' begins a YAML anchor; write \"& x\" in quotes)"),
            std::string::npos);
}

TEST(YamlTree, ASecondColonIsTold) {
  EXPECT_EQ(errors_in("a: b: c\n"),
            "not valid YAML: illegal map value (a value with ': ' in it must stand in quotes) at g.yaml:1:5");
}

TEST(YamlTree, TabsAreTold) {
  EXPECT_EQ(errors_in("a:\n\tb: 1\n"),
            "not valid YAML: illegal map value (YAML is indented with spaces, not tabs) at g.yaml:2:3");
  EXPECT_NE(errors_in("a:\n  b: 1\n\tc: 2\n").find("(YAML is indented with spaces, not tabs) at g.yaml:3:"),
            std::string::npos);
}

TEST(YamlTree, AHintIsGivenOnlyWhereItFits) {
  EXPECT_EQ(errors_in("a: 'x' y\n"), "not valid YAML: end of map not found at g.yaml:1:8");
  EXPECT_EQ(errors_in("a: 1\n b: 2\n"), "not valid YAML: illegal map value at g.yaml:2:3");
  EXPECT_EQ(errors_in("a: [1, 2\n"), "not valid YAML: end of sequence flow not found at g.yaml:2:1");
}

TEST(YamlTree, AQuoteThatIsNotClosedIsAnErrorWhereItOpens) {
  const std::string expected = "not valid YAML: the quote that opens here is not closed at g.yaml:2:4";
  EXPECT_EQ(errors_in("a: 1\nb: \"open\nc: 2\n"), expected);
  EXPECT_EQ(errors_in("a: 1\nb: 'open\n\n  \n"), expected);
  EXPECT_EQ(errors_in("a: 1\nb: \"open"), expected);
  EXPECT_EQ(errors_in("a: 1\nb: \"clo\n  sed\"\nc: |+\n  x\n\n"), "");
  EXPECT_EQ(tree_of("a: |+\n  x\n\n").find("a")->text, "x\n\n");
}

TEST(YamlTree, AnEmptyFileIsAnError) {
  EXPECT_EQ(errors_in(""), "the graph is empty at g.yaml:1:1");
  EXPECT_EQ(errors_in("# only this\n"), "the graph is empty at g.yaml:1:1");
}

TEST(YamlTree, ManyAliasesOfAliasesAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 30; ++level) {
    const std::string before = "*a" + std::to_string(level - 1);
    text += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [";
    for (int count = 0; count < 10; ++count) text += (count == 0 ? "" : ", ") + before;
    text += "]\n";
  }
  EXPECT_NE(errors_in(text).find("anchors and aliases make this file too large"), std::string::npos);
}

TEST(YamlTree, ManyAnchorsWithinAnchorsAreRefused) {
  std::string text = "a: ";
  for (int level = 0; level < 200; ++level) text += "&a" + std::to_string(level) + " [";
  for (int count = 0; count < 20'000; ++count) text += "x,";
  text += std::string(200, ']') + "\n";
  EXPECT_NE(errors_in(text).find("anchors and aliases make this file too large"), std::string::npos);
}

TEST(YamlTree, AnAliasWithinItsOwnValueIsRefused) {
  EXPECT_NE(errors_in("a: &x {b: *x}\n").find("an alias within the value that it names"), std::string::npos);
}

TEST(YamlTree, DeepNestingIsRefusedAndNotACrash) {
  EXPECT_NE(errors_in("a: " + std::string(100'000, '[')), "");
  EXPECT_NE(errors_in("a: " + std::string(100'000, '{')), "");
  std::string steps;
  for (int level = 0; level < 5'000; ++level)
    steps += std::string(static_cast<std::size_t>(level), ' ') + "a:\n";
  EXPECT_NE(errors_in(steps), "");
}

}  // namespace
}  // namespace datagen::launcher
