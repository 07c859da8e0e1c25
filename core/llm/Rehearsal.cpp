#include "core/llm/Rehearsal.h"

#include "core/base/Ids.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

struct Step
{
    QStringList expect;
    QString text;
    QList<ToolCall> toolCalls;
    Usage usage;
};

struct Script
{
    QString process;
    QString when;
    QString otherwise;
    std::vector<Step> steps;
};

Result<> onlyKeys(const QJsonObject& object, const QStringList& known, const QString& where)
{
    for (const QString& key : object.keys()) {
        if (!known.contains(key)) {
            return fail(ErrorCode::InvalidInput,
                        u"The rehearsal has an unknown key \"%1\" in %2; known are %3."_s.arg(
                            key, where, known.join(u", "_s)));
        }
    }
    return {};
}

Result<Step> stepFrom(const QJsonObject& object, const QString& where)
{
    SB_CHECK(onlyKeys(object, {u"expect"_s, u"text"_s, u"tool_calls"_s, u"usage"_s}, where));
    Step step;
    for (const QJsonValue value : object["expect"_L1].toArray()) {
        step.expect.append(value.toString());
    }
    step.text = object["text"_L1].toString();
    for (const QJsonValue value : object["tool_calls"_L1].toArray()) {
        auto call = toolCallFromJson(value.toObject());
        if (!call) {
            return std::unexpected(call.error().inFrontOf(u"The rehearsal, "_s + where));
        }
        step.toolCalls.append(std::move(*call));
    }
    if (step.text.isEmpty() && step.toolCalls.isEmpty()) {
        return fail(ErrorCode::InvalidInput,
                    u"The rehearsal has neither text nor tool calls in %1."_s.arg(where));
    }
    const QJsonObject usage = object["usage"_L1].toObject();
    step.usage = {usage["input_tokens"_L1].toInteger(), usage["output_tokens"_L1].toInteger(), 0};
    return step;
}

Result<Script> scriptFrom(const QJsonObject& object, const QString& where)
{
    SB_CHECK(onlyKeys(object, {u"process"_s, u"when"_s, u"otherwise"_s, u"steps"_s}, where));
    Script script;
    script.process = object["process"_L1].toString();
    script.when = object["when"_L1].toString();
    script.otherwise = object["otherwise"_L1].toString();
    if (script.process.isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"The rehearsal names no process in %1."_s.arg(where));
    }
    const QJsonArray steps = object["steps"_L1].toArray();
    for (qsizetype i = 0; i < steps.size(); ++i) {
        SB_TRY(Step step,
               stepFrom(steps.at(i).toObject(),
                        u"step %1 of the %2"_s.arg(i + 1).arg(script.process)));
        script.steps.push_back(std::move(step));
    }
    return script;
}

bool isStep(const Message& message, const Step& step)
{
    const auto sameName = [](const ToolCall& a, const ToolCall& b) { return a.name == b.name; };
    return message.role == Role::Assistant && message.text.trimmed() == step.text.trimmed() &&
           std::ranges::equal(message.toolCalls, step.toolCalls, sameName);
}

// How many of the steps the conversation holds already, in their order; what else was said does not
// count.
size_t stepsDone(const QList<Message>& messages, const std::vector<Step>& steps)
{
    size_t done = 0;
    for (const Message& message : messages) {
        if (done < steps.size() && isStep(message, steps[done])) {
            ++done;
        }
    }
    return done;
}

QString firstUserText(const QList<Message>& messages)
{
    const auto found = std::ranges::find(messages, Role::User, &Message::role);
    return found == messages.end() ? QString() : found->text;
}

QStringList cut(const QString& text, int length)
{
    QStringList pieces;
    qsizetype start = 0;
    while (start < text.size()) {
        const qsizetype space = text.indexOf(u' ', start + length);
        const qsizetype end = space < 0 ? text.size() : space + 1;
        pieces.append(text.sliced(start, end - start));
        start = end;
    }
    return pieces;
}

} // namespace

struct Rehearsal::Data
{
    QString id;
    QString title;
    std::vector<Script> scripts;
    Settings settings;
    Executor& executor;
    Clock& clock;
    std::stop_source stopAll;

    [[nodiscard]] Result<Response> answerTo(const Request& request) const;
};

Result<Response> Rehearsal::Data::answerTo(const Request& request) const
{
    const QString kind = request.processKind;
    const QString opening = firstUserText(request.messages);
    const auto script = std::ranges::find_if(scripts, [&](const Script& one) {
        return one.process == kind && opening.contains(one.when);
    });
    if (script == scripts.end()) {
        return fail(
            ErrorCode::InvalidInput,
            u"The rehearsal \"%1\" has no part for this %2. It can only replay what was recorded."_s
                .arg(title, kind.isEmpty() ? u"process"_s : kind));
    }
    Response response;
    response.id = newId("reh"_L1);
    response.model = id + u'/' + (request.model.isEmpty() ? u"recorded"_s : request.model);
    const size_t done = stepsDone(request.messages, script->steps);
    const Message last = request.messages.isEmpty() ? Message{} : request.messages.last();
    QString missing;
    if (done < script->steps.size()) {
        for (const QString& wanted : script->steps[done].expect) {
            if (!last.text.contains(wanted)) {
                missing = wanted;
                break;
            }
        }
    }
    if (done < script->steps.size() && missing.isEmpty()) {
        const Step& step = script->steps[done];
        response.text = step.text;
        response.toolCalls = step.toolCalls;
        for (ToolCall& call : response.toolCalls) {
            if (call.id.isEmpty()) {
                call.id = newId("call"_L1);
            }
        }
        response.usage = step.usage;
        response.finish = step.toolCalls.isEmpty() ? FinishReason::Stop : FinishReason::ToolCalls;
        return response;
    }
    if (last.role == Role::User && !script->otherwise.isEmpty()) {
        response.text = script->otherwise;
        return response;
    }
    if (done == script->steps.size()) {
        return fail(ErrorCode::InvalidInput,
                    u"The rehearsal \"%1\" is over for the %2: all its %3 steps were played."_s.arg(
                        title, kind, QString::number(done)));
    }
    QString seen = last.text.simplified();
    if (seen.size() > 160) {
        seen = seen.left(159) + u'…';
    }
    return fail(
        ErrorCode::InvalidInput,
        u"The rehearsal \"%1\" does not fit what happened: step %2 of the %3 was recorded after \"%4\", but the last message is \"%5\"."_s
            .arg(title, QString::number(done + 1), kind, missing, seen));
}

// One answer that is being shown, piece by piece; lives on the executor.
struct Rehearsal::Playing : std::enable_shared_from_this<Playing>
{
    std::shared_ptr<Data> data;
    Response response;
    StreamSink sink;
    Promise<Response> promise;
    QStringList pieces;
    qsizetype next = 0;
    qint64 startedUs = 0;
    bool over = false;
    Subscription timer;
    std::optional<std::stop_callback<std::function<void()>>> onStop;
    std::optional<std::stop_callback<std::function<void()>>> onEnd;

    void start(std::stop_token stop)
    {
        startedUs = data->clock.steadyUs();
        pieces = cut(response.text, std::max(1, data->settings.pieceLength));
        const std::function<void()> cancelSoon = [weak = weak_from_this(), data = data] {
            data->executor.post([weak] {
                if (const auto self = weak.lock()) {
                    self->cancel();
                }
            });
        };
        if (stop.stop_requested() || data->stopAll.stop_requested()) {
            cancel();
            return;
        }
        onStop.emplace(std::move(stop), cancelSoon);
        onEnd.emplace(data->stopAll.get_token(), cancelSoon);
        wait(data->settings.firstPause);
    }

    void wait(Milliseconds pause)
    {
        if (pause.count() <= 0) {
            play();
            return;
        }
        // The timer keeps this alive until it is played or cancelled.
        timer =
            data->clock.after(pause, data->executor, [self = shared_from_this()] { self->play(); });
    }

    void play()
    {
        while (!over) {
            if (next >= pieces.size()) {
                finish(std::move(response));
                return;
            }
            if (next == 0) {
                response.firstChunkMs = (data->clock.steadyUs() - startedUs) / 1000;
            }
            const QString piece = pieces.at(next++);
            if (sink.delta) {
                sink.delta(piece);
            }
            if (data->settings.pause.count() > 0) {
                wait(data->settings.pause);
                return;
            }
        }
    }

    void cancel() { finish(fail(ErrorCode::Cancelled, u"The model call was cancelled."_s)); }

    void finish(Result<Response> result)
    {
        if (std::exchange(over, true)) {
            return;
        }
        const auto self = shared_from_this(); // the timer may have been the last to hold it
        timer.reset();
        onStop.reset();
        onEnd.reset();
        sink = {};
        promise.set(std::move(result));
    }
};

Rehearsal::Rehearsal(std::shared_ptr<Data> data) : m(std::move(data)) {}

Rehearsal::~Rehearsal()
{
    m->stopAll.request_stop();
}

Result<std::unique_ptr<Rehearsal>> Rehearsal::fromJson(
    const QByteArray& json, const QString& id, Settings settings, Executor& executor, Clock& clock)
{
    QJsonParseError error;
    const auto document = QJsonDocument::fromJson(json, &error);
    if (!document.isObject()) {
        return fail(ErrorCode::InvalidInput,
                    u"The rehearsal is no JSON object: %1 at byte %2."_s.arg(error.errorString())
                        .arg(error.offset));
    }
    const QJsonObject object = document.object();
    SB_CHECK(onlyKeys(object, {u"title"_s, u"processes"_s}, u"its top"_s));
    auto data = std::shared_ptr<Data>(
        new Data{id, object["title"_L1].toString(), {}, settings, executor, clock, {}});
    const QJsonArray processes = object["processes"_L1].toArray();
    for (qsizetype i = 0; i < processes.size(); ++i) {
        SB_TRY(Script script, scriptFrom(processes.at(i).toObject(), u"process %1"_s.arg(i + 1)));
        data->scripts.push_back(std::move(script));
    }
    if (data->scripts.empty()) {
        return fail(ErrorCode::InvalidInput, u"The rehearsal holds no processes."_s);
    }
    return std::unique_ptr<Rehearsal>(new Rehearsal(std::move(data)));
}

Result<std::unique_ptr<Rehearsal>> Rehearsal::fromFile(
    const QString& path, const QString& id, Settings settings, Executor& executor, Clock& clock)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(ErrorCode::Io,
                    u"The rehearsal %1 cannot be read: %2."_s.arg(path, file.errorString()),
                    path);
    }
    return fromJson(file.readAll(), id, settings, executor, clock);
}

QString Rehearsal::title() const
{
    return m->title;
}

Future<Response> Rehearsal::complete(Request request, StreamSink sink, std::stop_token stop)
{
    auto playing = std::make_shared<Playing>();
    auto future = playing->promise.future();
    auto answer = m->answerTo(request);
    if (!answer) {
        playing->promise.set(std::unexpected(std::move(answer).error()));
        return future;
    }
    playing->data = m;
    playing->response = std::move(*answer);
    playing->sink = std::move(sink);
    m->executor.post(
        [playing, stop = std::move(stop)]() mutable { playing->start(std::move(stop)); });
    return future;
}

} // namespace sb::llm
