#pragma once
#include "core/memory/Embedder.h"

namespace sb::memory {

/// The embedder that needs nothing: hashes of words, of pairs of words and of the pieces of words,
/// so that shared stems and misspellings bring texts together. It knows nothing of meaning. The
/// same text gives the same vector on every machine; whatever changes that changes the name too.
class HashedEmbedder final : public Embedder
{
public:
    static constexpr int dimension = 384;
    [[nodiscard]] QString name() const override { return QStringLiteral("hashed-1"); }
    Future<std::vector<std::vector<float>>> embed(QStringList texts) override;
    [[nodiscard]] bool isImmediate() const override { return true; }

    [[nodiscard]] static std::vector<float> vectorOf(QStringView text);
};

} // namespace sb::memory
