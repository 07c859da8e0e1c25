#pragma once
#include <QByteArray>
#include <QHash>
#include <optional>

namespace sb::server {

/// What may be spent over time: `burst` at once, and `perSecond` in the long run. The unit is what
/// a request of /healthz costs.
struct Rate
{
    double perSecond = 0;
    double burst = 0;
    bool operator==(const Rate&) const = default;
};

/// The generic cell rate algorithm: of each key one number is kept, the time at which what it spent
/// will have been paid off. It keeps no clock, so that it can be tested with any.
class RateLimit
{
public:
    /// Remembers at most so many keys; the ones that owe least go first, so that a flood of new
    /// keys cannot forgive an old one's debt while newer debts are smaller.
    explicit RateLimit(Rate rate, qsizetype maxKeys = 4096);

    /// Spends `cost`, now being microseconds that never run backwards. Nothing: it may; otherwise
    /// nothing was spent, and the same cost can be paid after so many microseconds. A cost beyond
    /// the whole burst is taken as the whole burst, so that no route is closed for ever.
    std::optional<qint64> take(const QByteArray& key, double cost, qint64 nowUs);
    [[nodiscard]] qsizetype keys() const { return m_paidOff.size(); }

private:
    void forget(qint64 nowUs);

    Rate m_rate;
    qsizetype m_maxKeys;
    QHash<QByteArray, qint64> m_paidOff; ///< microseconds
};

} // namespace sb::server
