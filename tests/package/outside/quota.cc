#include "quota.h"

int main(int argc, char** argv) { return datagen::run_stage<Quota>(argc, argv); }
