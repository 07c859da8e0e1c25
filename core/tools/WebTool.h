#pragma once
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// web_fetch(url): one GET of an address that the agent's list allows, as text. Redirects are told,
/// not followed.
class WebTool final : public BuiltinTool
{
public:
    /// `loop` has a Qt event loop; the connections live there.
    WebTool(Executor& loop, Clock& clock);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

private:
    Executor& m_loop;
    Clock& m_clock;
};

/// The readable text of an HTML page: no tags, scripts or styles, entities decoded.
QString textOfHtml(const QString& html);

} // namespace sb::tools
