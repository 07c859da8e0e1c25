#pragma once

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
};

} // namespace sb::git
