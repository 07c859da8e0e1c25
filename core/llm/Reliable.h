#pragma once
#include "core/base/Guarded.h"
#include "core/llm/Provider.h"

#include <QStringList>
#include <map>

namespace sb::llm {

/// Providers by the id that the configuration gives them.
using Providers =
    std::map<QString, std::shared_ptr<Provider>>; // shared by all routes that name one

/// Remembers which models fail, so that a call does not wait for one that is known to be down.
/// Shared by all routes.
class Breakers
{
public:
    struct Settings
    {
        int failures = 5;          ///< more than so many in a row open it
        Milliseconds open{60'000}; ///< then one probe is let through
    };
    Breakers(Settings settings, Clock& clock);

    enum class Pass { Closed, Probe, Open };
    /// Whether a call to the model ("provider/model") may go ahead. Whoever gets Probe must report
    /// its outcome.
    Pass enter(const QString& model);
    void succeeded(const QString& model);
    void failed(const QString& model);
    /// The call said nothing about the service's health, because it was cancelled.
    void gaveUp(const QString& model);
    /// How long the model stays shut out; zero when it is not.
    [[nodiscard]] Milliseconds openFor(const QString& model) const;

private:
    struct State
    {
        int failures = 0;
        qint64 openUntil = -1; // steady microseconds; -1: closed
        bool probing = false;
    };
    const Settings m_settings;
    Clock& m_clock;
    Guarded<std::map<QString, State>> m_states;
};

/// Makes one dependable provider of several models: retries with a growing pause, leaves out what
/// is down, falls back to the next. What was shown of a failed try is taken back through
/// StreamSink::reset; a sink without it gets no second try once it was shown something.
class Reliable final : public Provider
{
public:
    struct Settings
    {
        int retries = 3;              ///< further tries for each model
        Milliseconds firstPause{500}; ///< doubles with each retry; half of it is random
        Milliseconds longestPause{8'000};
        Milliseconds retryAfterCap{
            60'000}; ///< a service that asks for more is given up for this call
        /// Between 0 and 1; tests set their own.
        std::function<double()> random = {};
    };

    /// The candidates are "provider/model", tried in this order. Executor and clock outlive it;
    /// calls that run when it goes end with Cancelled.
    Reliable(QStringList candidates,
             const Providers& providers,
             std::shared_ptr<Breakers> breakers,
             Settings settings,
             Executor& executor,
             Clock& clock);
    ~Reliable() override;
    Reliable(const Reliable&) = delete;
    Reliable& operator=(const Reliable&) = delete;

    /// Request::model is set by the candidate that is tried.
    Future<Response> complete(Request request, StreamSink sink, std::stop_token stop) override;
    [[nodiscard]] const QStringList& candidates() const;

private:
    struct State;
    struct Run;
    std::shared_ptr<State> m; // shared with the calls that run
};

} // namespace sb::llm
