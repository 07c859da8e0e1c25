#include "app/workbench/Workbench.h"

namespace sb::workbench {

Result<std::unique_ptr<Workbench>> Workbench::open(const Options& options)
{
    std::unique_ptr<Workbench> self(new Workbench);
    SB_TRY(
        self->m_session,
        runtime::Session::open(options.home, {QStringLiteral("window"), options.program, false}));
    if (self->m_session->own() == nullptr) {
        SB_TRY(const auto who, self->client().request(protocol::Ping{}).wait());
        if (who.role == u"window") {
            protocol::Activate activate;
            activate.token = qEnvironmentVariable("XDG_ACTIVATION_TOKEN");
            SB_CHECK(self->client().request(std::move(activate)).wait());
            return nullptr;
        }
        // A serve or a run has the home: this window looks at that runtime.
    }
    self->m_theme = std::make_unique<theme::Theme>(options.theme);
    self->m_bridge = std::make_unique<bridge::Bridge>(self->client());
    shell::Settings settings;
    settings.stateDir = options.home.state;
    settings.themeForced = options.themeForced;
    self->m_window = std::make_unique<shell::MainWindow>(
        *self->m_bridge, *self->m_theme, self->m_session->clock(), std::move(settings));
    if (auto* const own = self->m_session->own()) {
        (void)own->takeUp();
    }
    return self;
}

Workbench::~Workbench()
{
    m_window.reset();
    m_bridge.reset();
    m_session.reset();
}

} // namespace sb::workbench
