#include "app/workbench/Workbench.h"

#include "core/secrets/Redactor.h"
#include "ui/dialogs/PassphraseDialog.h"

namespace sb::workbench {

/// What it takes to keep keys without a runtime.
struct Workbench::Keys
{
    SystemClock clock;
    secrets::Redactor redactor; // jobs of the two below use it
    LoopExecutor loop{QStringLiteral("keys")};
    Pool pool{1, QStringLiteral("keys-pool")};
    secrets::Secrets secrets;

    Keys(const QString& vaultFile, secrets::AskPassphrase ask)
        : secrets({.vaultFile = vaultFile, .askPassphrase = std::move(ask)},
                  loop,
                  pool,
                  clock,
                  redactor)
    {
    }
};

Workbench::Workbench() = default;

Result<std::unique_ptr<Workbench>> Workbench::open(const Options& options)
{
    std::unique_ptr<Workbench> self(new Workbench);
    Workbench* const raw = self.get();
    self->m_home = options.home;
    SB_TRY(self->m_session,
           runtime::Session::open(options.home,
                                  {QStringLiteral("window"),
                                   options.program,
                                   false,
                                   false,
                                   [raw](const secrets::PassphraseQuestion& question) {
                                       return raw->ask(question);
                                   }}));
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
    settings.storeKey = [raw](const QString& name, SecretString value, auto stored) {
        raw->storeKey(name, std::move(value), std::move(stored));
    };
    self->m_window = std::make_unique<shell::MainWindow>(
        *self->m_bridge, *self->m_theme, self->m_session->clock(), std::move(settings));
    if (auto* const own = self->m_session->own()) {
        (void)own->takeUp();
    }
    return self;
}

// From any thread; the dialog is the window's.
Future<SecretString> Workbench::ask(const secrets::PassphraseQuestion& question)
{
    const auto promise = std::make_shared<Promise<SecretString>>();
    auto future = promise->future();
    QMetaObject::invokeMethod(QCoreApplication::instance(), [this, question, promise] {
        if (!m_window) {
            promise->set(fail(ErrorCode::Unavailable,
                              QStringLiteral("There is no window yet that could ask.")));
            return;
        }
        using Kind = dialogs::PassphraseDialog::Kind;
        auto* dialog = new dialogs::PassphraseDialog(
            *m_theme,
            question.kind == secrets::PassphraseQuestion::Kind::Create ? Kind::Create
                                                                       : Kind::Unlock,
            question.vault,
            question.attempt,
            [promise](Result<SecretString> answer) { promise->set(std::move(answer)); },
            m_window.get());
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->open();
    });
    return future;
}

void Workbench::storeKey(const QString& name,
                         SecretString value,
                         std::function<void(Result<QString>)> stored)
{
    const auto here = [stored = std::move(stored)](Result<QString> reference) {
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [stored, reference = std::move(reference)] { stored(reference); });
    };
    if (auto* const own = m_session->own()) {
        own->storeKey(name, std::move(value)).then(here);
        return;
    }
    if (!m_keys) {
        m_keys = std::make_unique<Keys>(
            m_home.vaultFile(),
            [this](const secrets::PassphraseQuestion& question) { return ask(question); });
    }
    m_keys->secrets.store(name, std::move(value)).then([this, here](Result<QString> reference) {
        if (!reference) {
            here(std::move(reference));
            return;
        }
        protocol::KeyChanged changed{*reference, QStringLiteral("stored")};
        client()
            .request(std::move(changed))
            .then([here, reference](const Result<protocol::Done>& told) {
                here(told ? reference : std::unexpected(told.error()));
            });
    });
}

Workbench::~Workbench()
{
    m_window.reset();
    m_keys.reset();
    m_bridge.reset();
    m_session.reset();
}

} // namespace sb::workbench
