#pragma once
#include <mutex>

namespace sb::git {

/// libgit2, set up so that nothing of the machine leaks in: no system, global or XDG configuration,
/// no templates, no home folder. The composition root owns the one; whoever works with repositories
/// is handed it.
class Library
{
public:
    Library();
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    /// Sets libgit2 up, once. It reads every certificate of the machine for that (3 ms), so it is
    /// done for the first repository and not for every start of the program; and never behind a
    /// fence, where the files that it reads are out of reach. From any thread.
    void prepare();

private:
    void setUp();
    std::once_flag m_once;
    bool m_prepared = false;
};

} // namespace sb::git
