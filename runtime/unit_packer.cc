#include "unit_packer.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <new>
#include <vector>

#include "ipc/result.h"

namespace datagen {

namespace {

constexpr std::size_t kChunkBytes = 256 << 10;

class GzipPacker final : public UnitPacker {
 public:
  explicit GzipPacker(int level) : level_(level), level_buffer_(ISAL_DEF_LVL3_DEFAULT) {}

  void pack(std::string_view content, ByteBuffer& out) override {
    isal_deflate_init(&stream_);
    stream_.gzip_flag = IGZIP_GZIP;
    stream_.level = static_cast<std::uint32_t>(level_);
    stream_.level_buf = level_buffer_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream_.flush = NO_FLUSH;
    do {
      constexpr std::size_t kInputMax = 1 << 30;  // the library counts in 32 bits
      const std::size_t given = std::min(content.size(), kInputMax);
      stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(content.data()));
      stream_.avail_in = static_cast<std::uint32_t>(given);
      content.remove_prefix(given);
      stream_.end_of_stream = content.empty() ? 1 : 0;
      do {
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out.reserve(kChunkBytes));
        stream_.avail_out = kChunkBytes;
        const int code = isal_deflate(&stream_);
        DATAGEN_CHECK(code == COMP_OK, "isal_deflate: %d", code);
        out.commit(kChunkBytes - stream_.avail_out);
      } while (stream_.avail_out == 0);
    } while (!content.empty());
  }

 private:
  int level_;
  std::vector<std::uint8_t> level_buffer_;
  isal_zstream stream_{};
};

class ZstdPacker final : public UnitPacker {
 public:
  explicit ZstdPacker(int level) : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  void pack(std::string_view content, ByteBuffer& out) override {
    const std::size_t room = ZSTD_compressBound(content.size());
    const std::size_t bytes =
        ZSTD_compress2(context_.get(), out.reserve(room), room, content.data(), content.size());
    if (ZSTD_isError(bytes)) throw std::bad_alloc();  // all that can fail with enough room
    out.commit(bytes);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

PackLevels levels_of(Compression compression) {
  return compression == Compression::gzip ? PackLevels{1, 3, 2} : PackLevels{1, ZSTD_maxCLevel(), 3};
}

std::unique_ptr<UnitPacker> make_packer(Compression compression, int level) {
  if (compression == Compression::gzip) return std::make_unique<GzipPacker>(level);
  return std::make_unique<ZstdPacker>(level);
}

}  // namespace datagen
