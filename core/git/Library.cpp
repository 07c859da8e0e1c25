#include "core/git/Library.h"

#include "core/base/Contracts.h"

#include <ctime>
#include <git2.h>

namespace sb::git {

Library::Library() = default;

void Library::prepare()
{
    std::call_once(m_once, [this] { setUp(); });
}

void Library::setUp()
{
    const int count = git_libgit2_init();
    SB_ASSERT(count > 0);
    for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA,
                            GIT_CONFIG_LEVEL_SYSTEM,
                            GIT_CONFIG_LEVEL_XDG,
                            GIT_CONFIG_LEVEL_GLOBAL}) {
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
    git_libgit2_opts(GIT_OPT_SET_HOMEDIR, "");
    // A person named the workspace, and libgit2 starts no program that a repository asks for; so
    // whose files they are does not matter here, and the list of safe folders is in the
    // configuration that we do not read.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    // A commit is an effect that the journal vouches for: it must survive a power cut.
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    // The time zone is read now, because a fenced thread could not.
    tzset();
    m_prepared = true;
}

Library::~Library()
{
    if (m_prepared) {
        git_libgit2_shutdown();
    }
}

} // namespace sb::git
