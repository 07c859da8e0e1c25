#include "core/secrets/Dumps.h"

#include "core/base/Defence.h"

#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace sb::secrets {

Result<> keepOutOfDumps()
{
    bool done = true;
    if (defended("secrets.dumps")) {
        // Where dumps are piped to a program the limit is not asked, hence both. The children get
        // theirs from the sandbox; a limit of 0 does no harm to others.
        const rlimit none = {0, 0};
        done = ::setrlimit(RLIMIT_CORE, &none) == 0;
#ifdef __linux__
        done = ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && done;
#endif
    }
    if (!done) {
        return fail(
            ErrorCode::Unsupported,
            QStringLiteral("The system does not let this program be kept out of crash dumps."));
    }
    return {};
}

} // namespace sb::secrets
