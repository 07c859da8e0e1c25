#include "core/llm/Pricing.h"

#include <cmath>

namespace sb::llm {

Pricing::Pricing(QHash<QString, Price> prices) : m_prices(std::move(prices)) {}

std::optional<qint64> Pricing::costMicroUsd(const QString& model, const Usage& usage) const
{
    auto found = m_prices.constFind(model);
    if (found == m_prices.constEnd()) {
        found = m_prices.constFind(model.section(u'/', 0, 0));
    }
    if (found == m_prices.constEnd()) {
        return std::nullopt;
    }
    // Dollars for a million tokens are millionths of a dollar for one.
    const auto cached = double(std::min(usage.cachedInputTokens, usage.inputTokens));
    const double fresh = double(usage.inputTokens) - cached;
    return std::llround(fresh * found->input + cached * found->cachedInput.value_or(found->input) +
                        double(usage.outputTokens) * found->output);
}

} // namespace sb::llm
