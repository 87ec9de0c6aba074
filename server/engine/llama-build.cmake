# Read by CMake inside llama.cpp's own project() call (CMAKE_PROJECT_llama.cpp_INCLUDE, set in the Makefile).

# The bindings force llama.cpp's "common" library on; nothing here links it, and it is most of the build.
set(LLAMA_BUILD_COMMON OFF CACHE BOOL "llama.cpp: not needed by the engine" FORCE)

# Virtual machines often announce AMX and then fault at its first instruction (ldtilecfg), which kills the server.
# -march=native turns AMX on and stands in ggml-cpu's own options, so this is appended after them.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  cmake_language(DEFER CALL target_compile_options ggml-cpu PRIVATE -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
endif()
