#pragma once
#include "core/egress/Proxy.h"
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// web_fetch(url): one GET of an address that the agent's list allows, as text. It goes out through
/// the egress library, which checks the address that is connected to, and each redirect anew.
class WebTool final : public BuiltinTool
{
public:
    /// The proxy that it goes out through, asked for at each call.
    using Way = std::function<Result<egress::Proxy*>()>;
    /// Answers are read, and looked through for words that talk to the agent, on the pool.
    WebTool(Way way, Executor& pool);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

private:
    Way m_way;
    Executor& m_pool;
};

/// The readable text of an HTML page: no tags, scripts or styles, entities decoded.
QString textOfHtml(const QString& html);

} // namespace sb::tools
