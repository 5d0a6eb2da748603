#define DATAGEN_CHECKSUM64 checksum64_avx2
#include "ipc/checksum_vectors.h"
