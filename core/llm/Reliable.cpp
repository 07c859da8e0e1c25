#include "core/llm/Reliable.h"

#include <QCoroTask>
#include <QRandomGenerator>

namespace sb::llm {

using namespace Qt::StringLiterals;

Breakers::Breakers(Settings settings, Clock& clock) : m_settings(settings), m_clock(clock) {}

Breakers::Pass Breakers::enter(const QString& model)
{
    const qint64 now = m_clock.steadyUs();
    return m_states.withLock([&](auto& states) {
        State& state = states[model];
        if (state.openUntil < 0) {
            return Pass::Closed;
        }
        if (now < state.openUntil || state.probing) {
            return Pass::Open;
        }
        state.probing = true;
        return Pass::Probe;
    });
}

void Breakers::succeeded(const QString& model)
{
    m_states.withLock([&](auto& states) { states[model] = {}; });
}

void Breakers::failed(const QString& model)
{
    const qint64 now = m_clock.steadyUs();
    m_states.withLock([&](auto& states) {
        State& state = states[model];
        ++state.failures;
        if (state.probing || state.failures > m_settings.failures) {
            state.openUntil = now + m_settings.open.count() * 1000;
            state.probing = false;
        }
    });
}

void Breakers::gaveUp(const QString& model)
{
    m_states.withLock([&](auto& states) { states[model].probing = false; });
}

Milliseconds Breakers::openFor(const QString& model) const
{
    const qint64 now = m_clock.steadyUs();
    return m_states.withLock([&](const auto& states) {
        const auto found = states.find(model);
        return Milliseconds(found == states.end() || found->second.openUntil < 0
                                ? 0
                                : std::max<qint64>(0, found->second.openUntil - now) / 1000);
    });
}

struct Reliable::State
{
    QStringList names;
    std::vector<std::shared_ptr<Provider>> providers; // beside the names; empty for an unknown one
    std::shared_ptr<Breakers> breakers;
    Settings settings;
    Executor& executor;
    Clock& clock;
    std::stop_source stopAll;
};

namespace {

bool mayPass(ErrorCode code)
{
    return code == ErrorCode::Unavailable || code == ErrorCode::Timeout;
}

} // namespace

// One call. Lives in its coroutine, which runs on the executor.
struct Reliable::Run
{
    std::shared_ptr<State> state;
    Request request;
    StreamSink sink;
    std::stop_source stop;
    int attempts = 0;
    bool shown = false;                // of the current try
    std::optional<Milliseconds> asked; // to wait, by the service
    std::optional<Error> first;        // what the first candidate ended with
    Error last;
    bool tried = false;
    bool takeBack = false; // what the last try showed must go before the next

    QCoro::Task<Result<Response>> go()
    {
        if (state->names.isEmpty()) {
            co_return fail(
                ErrorCode::InvalidInput,
                u"No model is set for this kind of process. Name one under models: routes: in signalbox.yaml."_s);
        }
        for (size_t i = 0; i < state->providers.size(); ++i) {
            const QString name = state->names.at(qsizetype(i));
            if (i == 1) {
                first = last;
            }
            if (!state->providers[i]) {
                note({ErrorCode::InvalidInput,
                      u"No model service \"%1\" is configured. Add it under models: providers:."_s
                          .arg(name.section(u'/', 0, 0)),
                      {}});
                continue;
            }
            for (int tries = 0;; ++tries) {
                const auto pass = state->breakers->enter(name);
                if (pass == Breakers::Pass::Open) {
                    noteOpen(name);
                    break;
                }
                auto result = co_await once(*state->providers[i], name);
                if (result) {
                    result->attempts = attempts;
                    co_return std::move(*result);
                }
                if (result.error().code == ErrorCode::Cancelled) {
                    co_return std::unexpected(std::move(result).error());
                }
                note(std::move(result).error());
                if (shown) {
                    if (!sink.reset) {
                        co_return finalError();
                    }
                    takeBack = true;
                }
                if (!mayPass(last.code) || tries >= state->settings.retries ||
                    asked.value_or(Milliseconds(0)) > state->settings.retryAfterCap) {
                    break;
                }
                if (state->breakers->openFor(name).count() > 0) {
                    break; // it has just opened, or the probe failed
                }
                SB_CO_CHECK(co_await pause(tries));
            }
        }
        co_return finalError();
    }

    QCoro::Task<Result<Response>> once(Provider& provider, const QString& name)
    {
        ++attempts;
        shown = false;
        if (std::exchange(takeBack, false)) {
            sink.reset();
        }
        asked.reset();
        Request now = request;
        now.model = name.section(u'/', 1);
        StreamSink inner;
        // The provider answers after its last piece, so this frame outlives what these refer to.
        inner.delta = [this](const QString& text) {
            shown = true;
            if (sink.delta) {
                sink.delta(text);
            }
        };
        inner.reset = [this] {
            if (sink.reset) {
                sink.reset();
            }
            shown = false;
        };
        inner.retryAfter = [this](Milliseconds wait) { asked = wait; };
        auto result = co_await cancellable(
            {},
            state->executor,
            provider.complete(std::move(now), std::move(inner), stop.get_token()));
        if (result) {
            state->breakers->succeeded(name);
        } else if (result.error().code == ErrorCode::Cancelled) {
            state->breakers->gaveUp(name);
        } else if (mayPass(result.error().code)) {
            state->breakers->failed(name);
        } else {
            state->breakers->succeeded(name); // it answers, only not with what we want
        }
        co_return result;
    }

    QCoro::Task<Result<>> pause(int tries)
    {
        const auto& settings = state->settings;
        const double full = std::min(double(settings.firstPause.count()) * std::pow(2.0, tries),
                                     double(settings.longestPause.count()));
        const double random =
            settings.random ? settings.random() : QRandomGenerator::global()->generateDouble();
        const Milliseconds own(qint64(full / 2 + full / 2 * random));
        Promise<> promise;
        auto future = promise.future();
        const Subscription timer =
            state->clock.after(std::max(own, asked.value_or(Milliseconds(0))),
                               state->executor,
                               [promise = std::move(promise)] { promise.set({}); });
        co_return co_await cancellable(stop.get_token(), state->executor, std::move(future));
    }

    void note(Error error)
    {
        last = std::move(error);
        tried = true;
    }

    void noteOpen(const QString& name)
    {
        if (tried) {
            return; // what happened in this call says more
        }
        const qint64 left = (state->breakers->openFor(name).count() + 999) / 1000;
        last = {
            ErrorCode::Unavailable,
            left > 0
                ? u"The model service \"%1\" failed several times in a row and is left alone for another %2 s. Try again then, or choose another model."_s
                      .arg(name.section(u'/', 0, 0), QString::number(left))
                : u"The model service \"%1\" failed several times in a row and is just being tried again. Wait a moment."_s
                      .arg(name.section(u'/', 0, 0)),
            name};
    }

    [[nodiscard]] Result<Response> finalError() const
    {
        Error error = first.value_or(last);
        if (first) {
            error.message += state->names.size() == 2
                                 ? u" The fallback \"%1\" failed too."_s.arg(state->names.at(1))
                                 : u" All fallbacks failed too."_s;
        }
        if (attempts > 1) {
            error.message += u" (%1 tries)"_s.arg(attempts);
        }
        return std::unexpected(std::move(error));
    }

    static QCoro::Task<> detached(std::shared_ptr<State> state,
                                  Request request,
                                  StreamSink sink,
                                  std::stop_token stop,
                                  Promise<Response> promise)
    {
        Run run;
        run.state = std::move(state);
        run.request = std::move(request);
        run.sink = std::move(sink);
        const std::stop_callback onCaller(std::move(stop), [&run] { run.stop.request_stop(); });
        const std::stop_callback onEnd(run.state->stopAll.get_token(),
                                       [&run] { run.stop.request_stop(); });
        auto result = co_await run.go();
        run.sink = {};
        promise.set(std::move(result));
    }
};

Reliable::Reliable(QStringList candidates,
                   const Providers& providers,
                   std::shared_ptr<Breakers> breakers,
                   Settings settings,
                   Executor& executor,
                   Clock& clock)
    : m(new State{
          std::move(candidates), {}, std::move(breakers), std::move(settings), executor, clock, {}})
{
    for (const QString& name : std::as_const(m->names)) {
        const auto found = providers.find(name.section(u'/', 0, 0));
        m->providers.push_back(found == providers.end() ? nullptr : found->second);
    }
}

Reliable::~Reliable()
{
    m->stopAll.request_stop();
}

Future<Response> Reliable::complete(Request request, StreamSink sink, std::stop_token stop)
{
    Promise<Response> promise;
    auto future = promise.future();
    // A call lives on the executor from its first step on, so that nothing of it is touched by two
    // threads.
    m->executor.post([state = m,
                      request = std::move(request),
                      sink = std::move(sink),
                      stop = std::move(stop),
                      promise = std::move(promise)]() mutable {
        Run::detached(std::move(state),
                      std::move(request),
                      std::move(sink),
                      std::move(stop),
                      std::move(promise));
    });
    return future;
}

const QStringList& Reliable::candidates() const
{
    return m->names;
}

} // namespace sb::llm
