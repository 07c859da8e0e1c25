#pragma once
#include "app/sandbox-helper/Limit.h"

namespace sb::helper {

struct Parameters
{
    Limits limits;
    bool capPids = false;
    bool landlock = true;
    bool readOnly = false;
    bool door = false;
    bool ownServers = true;
    const char* workspace = nullptr;
    char** command = nullptr;
};

/// What the launching side wrote; gives up on anything that it does not understand whole.
Parameters readParameters();

} // namespace sb::helper
