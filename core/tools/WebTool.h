#pragma once
#include "core/egress/Proxy.h"
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// web_fetch(url): one GET of an address that the agent's list allows, as text. It goes out through
/// the egress library, which checks the address that is connected to, and each redirect anew.
class WebTool final : public BuiltinTool
{
public:
    /// Fetches through the runtime's proxy.
    explicit WebTool(egress::Proxy& proxy);
    /// Fetches through a proxy of its own, made at the first call, which knows the caller's list
    /// only: nobody is asked, nothing is written down beside the tool's own result.
    WebTool(Executor& loop, Clock& clock);
    ~WebTool() override;
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

private:
    struct Own;
    WebTool(egress::Proxy* proxy, std::unique_ptr<Own> own);
    Result<egress::Proxy*> proxy();

    egress::Proxy* m_proxy = nullptr;
    std::unique_ptr<Own> m_own;
};

/// The readable text of an HTML page: no tags, scripts or styles, entities decoded.
QString textOfHtml(const QString& html);

} // namespace sb::tools
