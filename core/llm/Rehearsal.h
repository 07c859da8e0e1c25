#pragma once
#include "core/llm/Provider.h"

#include <QByteArray>
#include <QStringList>
#include <vector>

namespace sb::llm {

/// A recorded model: it answers from a trajectory (README.md has the format). Which step comes next
/// is read from the request's own history, so a run that was parked and goes on in another process
/// finds its place. A request that the recording does not fit gets an error that says so, never an
/// answer that pretends.
class Rehearsal final : public Provider
{
public:
    struct Settings
    {
        Milliseconds firstPause{0}; ///< before the first piece
        Milliseconds pause{0};      ///< between two pieces
        int pieceLength = 12;       ///< characters, cut at spaces
    };

    /// Reads a trajectory. InvalidInput names what is wrong with it. Executor and clock outlive the
    /// provider.
    static Result<std::unique_ptr<Rehearsal>> fromJson(const QByteArray& json,
                                                       const QString& id,
                                                       Settings settings,
                                                       Executor& executor,
                                                       Clock& clock);
    /// The same from a file or a resource (":/tour/trajectory.json").
    static Result<std::unique_ptr<Rehearsal>> fromFile(const QString& path,
                                                       const QString& id,
                                                       Settings settings,
                                                       Executor& executor,
                                                       Clock& clock);
    ~Rehearsal() override;

    Future<Response> complete(Request request, StreamSink sink, std::stop_token stop) override;
    /// What the recording is about, for people.
    [[nodiscard]] QString title() const;

private:
    struct Data;
    struct Playing;
    explicit Rehearsal(std::shared_ptr<Data> data);
    std::shared_ptr<Data> m; // shared with the answers that are being played
};

} // namespace sb::llm
