#include <zstd.h>

#include <memory>
#include <new>

#include "compressed_input.h"

namespace datagen {

namespace {

class ZstdInput final : public CompressedInput {
 public:
  ZstdInput(const InputFile& file, const AccessPoint& from)
      : CompressedInput(file, from), context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    // Files of zstd --long=31 too: the memory is what their writer chose.
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, sizeof(void*) == 8 ? 31 : 30);
  }

 private:
  void begin_unit() override { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

  Unpacked unpack(char* to, std::size_t most) override {
    ZSTD_inBuffer in{bytes_.data(), bytes_.size(), 0};
    ZSTD_outBuffer out{to, most, 0};
    const std::size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
    bytes_.take(in.pos);
    return {out.pos, code == 0, ZSTD_isError(code) ? ZSTD_getErrorName(code) : nullptr};
  }

  const char* unit_name() const override { return "zstd frame"; }
  const char* test_command() const override { return "zstd -t"; }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

}  // namespace

std::unique_ptr<InputStream> open_zstd(const InputFile& file, const AccessPoint& from) {
  return std::make_unique<ZstdInput>(file, from);
}

}  // namespace datagen
