#include "ipc/result.h"

#include <system_error>

namespace datagen {

Error Error::from_errno(std::string what, int error_number) {
  return Error(std::move(what) + ": " + std::generic_category().message(error_number));
}

}  // namespace datagen
