#pragma once
#include "core/base/Executor.h"
#include "core/memory/Embedder.h"

namespace sb::memory {

/// A sentence model on this machine: a folder with model.onnx and vocab.txt (a BERT with WordPiece;
/// tokenizer_config.json says whether in lower case), run by onnxruntime. Library and model are
/// loaded with the first text.
class OnnxEmbedder final : public Embedder
{
public:
    /// NotFound when the folder lacks a file, InvalidInput when its vocabulary is none. Reads the
    /// model once for its digest. The pool, where it works, must outlive it.
    static Result<std::unique_ptr<OnnxEmbedder>> open(const QString& folder, Executor& pool);
    ~OnnxEmbedder() override;

    [[nodiscard]] QString name() const override;
    /// Unsupported without onnxruntime, Corrupt for a model that it does not take, InvalidInput for
    /// one that is no sentence model.
    Future<std::vector<std::vector<float>>> embed(QStringList texts) override;
    [[nodiscard]] bool isImmediate() const override { return false; }

private:
    struct Model;
    explicit OnnxEmbedder(std::shared_ptr<Model> model, Executor& pool);
    std::shared_ptr<Model> m_model; // shared with the jobs that it posted to its pool
    Executor& m_pool;
};

} // namespace sb::memory
