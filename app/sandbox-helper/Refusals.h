#pragma once
#include <sys/types.h>

struct seccomp_notif;
struct seccomp_notif_resp;

namespace sb::helper {

/// Answers the calls that the filter refuses, and counts them. This is process 1: were it gone, so
/// would be all that could wait for an answer.
class Refusals
{
public:
    /// Takes the listener; the number is owned from here on.
    void listen(int listener);
    [[nodiscard]] int listener() const { return m_listener; }
    /// Answers what waits now, or a part of it, so that a flood leaves time for the rest.
    void answer();
    /// Tells the launching side what there was, once.
    void tell();

private:
    static constexpr int Numbers = 512; ///< the last stands for all above
    struct Count
    {
        unsigned times = 0;
        pid_t first = 0;
        char program[16] = {};
    };
    bool answerOne();
    void remember(int call, pid_t process);

    int m_listener = -1;
    seccomp_notif* m_request = nullptr;
    seccomp_notif_resp* m_response = nullptr;
    unsigned m_requestSize = 0;
    unsigned m_responseSize = 0;
    Count m_counts[Numbers];
};

} // namespace sb::helper
