if(COMMAND sb_fuzz)
    sb_fuzz(WasmFrames LINKS sb::wasm SOURCES core/wasm/HostCall.cpp)
endif()
