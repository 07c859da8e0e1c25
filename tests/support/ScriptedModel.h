#pragma once
#include <QByteArray>
#include <QJsonArray>
#include <QJsonObject>
#include <QList>
#include <QString>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

namespace sb::test {

/// A latch that holds a reply back at one place until the test opens it. Copies are the same latch.
class Latch
{
public:
    Latch();
    /// Lets everything through that waits or will wait; from any thread.
    void open();
    [[nodiscard]] bool isOpen() const;
    /// How many replies wait here now.
    [[nodiscard]] int waiting() const;
    /// Calls back once it is open, at once when it is already.
    void then(std::function<void()> callback) const;

private:
    struct State;
    std::shared_ptr<State> m; // shared by the test and the replies that wait
};

/// What one request was, for matchers and for looking at afterwards.
struct ModelRequest
{
    QByteArray path;
    QList<std::pair<QByteArray, QByteArray>> headers; ///< names in lower case
    QJsonObject body;
    bool anthropic = false;

    [[nodiscard]] QByteArray header(const QByteArray& name) const;
    [[nodiscard]] QString model() const;
    [[nodiscard]] QString system() const;
    [[nodiscard]] QStringList tools() const;
    /// The text of the last message; of a tool's result its content.
    [[nodiscard]] QString lastMessage() const;
    /// Role of the last message as the interface has it; Anthropic's tool results are "tool".
    [[nodiscard]] QString lastRole() const;
    /// The messages as they were sent, the system's left out.
    [[nodiscard]] QJsonArray messages() const;
};

using Matcher = std::function<bool(const ModelRequest&)>;
Matcher hasTool(const QString& name);
Matcher hasNoTools();
Matcher systemContains(const QString& text);
Matcher lastMessageContains(const QString& text);
Matcher anyMessageContains(const QString& text);
Matcher lastRoleIs(const QString& role);
Matcher modelIs(const QString& name);
Matcher both(Matcher a, Matcher b);

/// One reply, put together step by step: text("a").wait(latch).thenText("b"). What a service would
/// frame (chunks, ids, usage, end marks) comes by itself, in the interface that was asked.
class Reply
{
public:
    struct Text
    {
        QString text;
    };
    struct Call
    {
        QString name;
        QString arguments; ///< as they go over the wire, in two pieces
        QString id;        ///< "-" leaves it out
    };
    struct Wait
    {
        Latch latch;
    };
    struct Delay
    {
        int milliseconds;
    };
    struct Raw
    {
        QByteArray bytes; ///< sent as they are inside the body
    };
    struct Drop
    {
    }; ///< closes the connection
    struct Endless
    {
        QByteArray bytes; ///< again and again, until the other side hangs up
    };
    struct Hang
    {
    }; ///< says nothing more until the other side hangs up
    struct EndBody
    {
    }; ///< ends the body here, without finish reason and end mark
    using Step = std::variant<Text, Call, Wait, Delay, Raw, Drop, Endless, Hang, EndBody>;

    Reply thenText(const QString& more) &&;
    Reply
    thenToolCall(const QString& name, const QJsonObject& arguments, const QString& id = {}) &&;
    /// Arguments that need not be JSON.
    Reply thenRawToolCall(const QString& name, const QString& arguments, const QString& id = {}) &&;
    Reply wait(const Latch& latch) &&;
    Reply delay(int milliseconds) &&;
    Reply raw(const QByteArray& bytes) &&;
    Reply drop() &&;
    Reply endless(const QByteArray& bytes) &&;
    Reply hang() &&;
    Reply endBody() &&;
    /// Answers with one JSON document although a stream was asked for.
    Reply asJson() &&;
    Reply withHeader(const QByteArray& name, const QByteArray& value) &&;
    Reply withFinish(const QString& reason) &&; ///< as the wire has it
    Reply withUsage(int input, int output) &&;
    Reply withoutEndMark() &&;

    int status = 200;
    QList<std::pair<QByteArray, QByteArray>> headers;
    QByteArray body; ///< of a status other than 200
    std::vector<Step> steps;
    QString finish;
    int inputTokens = 10;
    int outputTokens = 2;
    bool json = false;
    bool endMark = true;
};

/// A text, streamed in as many pieces as are given.
Reply text(const QString& first);
Reply pieces(const QStringList& parts);
Reply toolCall(const QString& name, const QJsonObject& arguments = {}, const QString& id = {});
Reply rawToolCall(const QString& name, const QString& arguments, const QString& id = {});
/// An error as a service words it.
Reply status(int code, const QString& message = {});
/// Nothing but these bytes as the body of a stream.
Reply rawStream(const QByteArray& bytes);
/// Takes the request and closes the connection.
Reply dropped();
/// Takes the request and never answers.
Reply hanging();

/// A model service on a real loopback socket that answers from a script. It speaks OpenAI chat
/// completions and Anthropic messages, streamed and not, on a thread of its own. All functions may
/// be called from any thread.
class ScriptedModel
{
public:
    /// Replies of one matcher, in order. When they are used up, later rules and the default answer
    /// again.
    class Rule
    {
    public:
        Rule& reply(Reply next);
        /// Answers so for ever once the replies before it are used up.
        Rule& always(Reply last);
        /// Replies made from the request.
        Rule& alwaysFrom(std::function<Reply(const ModelRequest&)> make);

    private:
        friend class ScriptedModel;
        struct Data;
        explicit Rule(std::shared_ptr<Data> data) : m(std::move(data)) {}
        std::shared_ptr<Data> m;
    };

    /// Listens on 127.0.0.1; port 0 takes a free one. check isListening() when a port is given.
    explicit ScriptedModel(quint16 port = 0);
    ~ScriptedModel();
    ScriptedModel(const ScriptedModel&) = delete;
    ScriptedModel& operator=(const ScriptedModel&) = delete;

    [[nodiscard]] bool isListening() const;
    [[nodiscard]] quint16 port() const;
    [[nodiscard]] QString
    openAiUrl() const; ///< base_url for api openai-chat: http://127.0.0.1:PORT/v1
    [[nodiscard]] QString
    anthropicUrl() const; ///< base_url for api anthropic: http://127.0.0.1:PORT

    /// Rules are asked in the order in which they were made.
    Rule when(Matcher matcher);
    /// The answer when no rule has one; "done" unless set.
    void otherwise(Reply reply);
    /// Every reply waits so long before its first byte (OpenAI's framing of a slow model); for
    /// benches.
    void setDelay(int milliseconds);
    /// Reads rules from a script (README.md has the format); an empty text when all is well, else
    /// what is wrong.
    [[nodiscard]] QString load(const QJsonObject& script);

    /// Requests are kept unless this is turned off (benches).
    void setRecording(bool on);
    [[nodiscard]] QList<ModelRequest> requests() const;
    [[nodiscard]] int requestCount() const;
    /// Waits until so many requests came; for tests without an event loop of their own.
    [[nodiscard]] bool waitForRequests(int count, int milliseconds = 5000) const;
    /// Connections that were opened since it started.
    [[nodiscard]] int connectionCount() const;

private:
    struct Private;
    std::unique_ptr<Private> m;
};

} // namespace sb::test
