#pragma once
#include "core/base/Future.h"

#include <QStringList>
#include <vector>

namespace sb::memory {

/// Makes vectors of texts. Safe to use from any thread.
class Embedder
{
public:
    virtual ~Embedder() = default;
    /// Tells its vectors from others': "hashed-2", "local/nomic-embed-text", "onnx:DIGEST".
    [[nodiscard]] virtual QString name() const = 0;
    /// One vector a text, in order, each of length 1 (or all zeros for a text without a letter),
    /// all of one dimension. Any Unicode works. Unavailable when a service does not answer,
    /// Conflict when its dimension is another one than before.
    virtual Future<std::vector<std::vector<float>>> embed(QStringList texts) = 0;
    /// Whether embed() answers at once and costs microseconds, so that nobody waits for it.
    [[nodiscard]] virtual bool isImmediate() const = 0;
};

} // namespace sb::memory
