#pragma once
#include "core/llm/Provider.h"

#include <QHash>
#include <optional>

namespace sb::llm {

/// US dollars for a million tokens, as services print it.
struct Price
{
    double input = 0;
    double output = 0;
    std::optional<double> cachedInput = {}; ///< the price of other input when not given
    bool operator==(const Price&) const = default;
};

/// What calls cost, for the models whose prices the configuration tells.
class Pricing
{
public:
    Pricing() = default;
    explicit Pricing(
        QHash<QString, Price> prices); ///< by "provider/model", or "provider" for all of its models

    /// Millionths of a US dollar; nothing when the model's price is not known.
    [[nodiscard]] std::optional<qint64> costMicroUsd(const QString& model,
                                                     const Usage& usage) const;

private:
    QHash<QString, Price> m_prices;
};

} // namespace sb::llm
