// What operators write, field by field.
#include "member.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "datagen/errors.h"
#include "json_write.h"

namespace datagen::detail {
namespace {

TEST(ByteBuffer, LeavesMemoryThatIsLentWhenItIsTooSmall) {
  std::string lent(40, '.');
  for (std::size_t bytes = 1; bytes <= 60; ++bytes) {
    ByteBuffer buffer;
    buffer.borrow(lent.data(), 40);
    for (std::size_t at = 0; at < bytes; ++at) buffer.push_back(static_cast<char>('a' + at % 26));
    EXPECT_EQ(buffer.is_borrowed(), bytes <= 40);
    for (std::size_t at = 0; at < bytes; ++at) ASSERT_EQ(buffer.view()[at], 'a' + static_cast<char>(at % 26));
    ByteBuffer moved = std::move(buffer);
    EXPECT_EQ(moved.size(), bytes);
    EXPECT_EQ(moved.is_borrowed(), bytes <= 40);
  }
}

TEST(KeyText, IsTheSameByEveryByteOfEveryLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string key(size, 'k');
    EXPECT_TRUE(is_same_key(key, std::string(key)));
    EXPECT_FALSE(is_same_key(key, key + "k"));
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = key;
      other[at] = 'x';
      EXPECT_FALSE(is_same_key(key, other)) << size << ' ' << at;
      EXPECT_FALSE(is_same_key(other, key)) << size << ' ' << at;
    }
  }
}

TEST(KnownKeys, AreTheSameWhateverTheirOrderUntilThereAreTooMany) {
  KnownKeys keys;
  std::vector<const KnownKey*> known;
  for (int number = 0; known.empty() || known.back() != nullptr; ++number)
    known.push_back(keys.find("key " + std::to_string(number)));
  ASSERT_GT(known.size(), 2u);
  known.pop_back();
  for (int step : {1, 7, 5}) {
    keys.begin();
    for (std::size_t index = 0; index < known.size(); index += static_cast<std::size_t>(step))
      EXPECT_EQ(keys.find("key " + std::to_string(index)), known[index]);
  }
  EXPECT_EQ(known[0]->json_view(), ",\"key 0\":");
  EXPECT_EQ(KnownKeys().find("é\"")->json_view(), ",\"é\\\"\":");
  EXPECT_THROW(keys.find("\xff"), BadRecord);
}

TEST(Member, OfOneKeyTheLastCountsAtThePlaceOfTheFirst) {
  KnownKeys keys;
  const auto member = [&](std::string_view key, int value, bool is_known) {
    return Member{.key = key,
                  .known = is_known ? keys.find(key) : nullptr,
                  .value = value,
                  .form = Member::Form::scalar};
  };
  for (int known = 0; known < 16; ++known) {
    std::vector<Member> members;
    put_member(members, member("a", 1, known & 1));
    put_member(members, member("b", 2, known & 2));
    put_member(members, member("a", 3, known & 4));
    put_member(members, member("c", 4, known & 8));
    ByteBuffer json;
    append_members(json, members, Tag::json);
    EXPECT_EQ(json.view(), R"({"a":3,"b":2,"c":4})");
    ByteBuffer msgpack, same;
    append_members(msgpack, members, Tag::msgpack);
    append_msgpack_as_json(same, msgpack.view());
    EXPECT_EQ(same.view(), json.view());
  }
  ByteBuffer empty;
  append_members(empty, {}, Tag::json);
  EXPECT_EQ(empty.view(), "{}");
}

}  // namespace
}  // namespace datagen::detail
