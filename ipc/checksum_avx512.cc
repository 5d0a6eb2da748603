#define DATAGEN_CHECKSUM64 checksum64_avx512
#include "ipc/checksum_vectors.h"
