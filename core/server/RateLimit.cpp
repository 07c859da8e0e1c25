#include "core/server/RateLimit.h"

#include "core/base/Contracts.h"

#include <algorithm>
#include <cmath>

namespace sb::server {

RateLimit::RateLimit(Rate rate, qsizetype maxKeys) : m_rate(rate), m_maxKeys(maxKeys)
{
    SB_ASSERT(rate.perSecond > 0 && rate.burst > 0 && maxKeys > 0);
}

std::optional<qint64> RateLimit::take(const QByteArray& key, double cost, qint64 nowUs)
{
    const double price = std::clamp(cost, 0.0, m_rate.burst) * 1e6 / m_rate.perSecond;
    const double tolerance = m_rate.burst * 1e6 / m_rate.perSecond;
    const qint64 owes = std::max(nowUs, m_paidOff.value(key, nowUs));
    const auto next = owes + qint64(std::ceil(price));
    const qint64 wait = next - nowUs - qint64(std::ceil(tolerance));
    // A rounded microsecond of each request must not close what the burst allows.
    if (wait > 1) {
        return wait;
    }
    if (!m_paidOff.contains(key) && m_paidOff.size() >= m_maxKeys) {
        forget(nowUs);
    }
    m_paidOff.insert(key, next);
    return std::nullopt;
}

void RateLimit::forget(qint64 nowUs)
{
    m_paidOff.removeIf([&](const auto& entry) { return entry.value() <= nowUs; });
    if (m_paidOff.size() < m_maxKeys) {
        return;
    }
    QList<qint64> debts(m_paidOff.cbegin(), m_paidOff.cend());
    const auto middle = debts.begin() + debts.size() / 2;
    std::nth_element(debts.begin(), middle, debts.end());
    m_paidOff.removeIf([&](const auto& entry) { return entry.value() <= *middle; });
}

} // namespace sb::server
