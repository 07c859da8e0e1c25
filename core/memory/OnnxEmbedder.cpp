#include "core/memory/OnnxEmbedder.h"

#include "core/memory/Vectors.h"
#include "core/memory/WordPiece.h"
#include "core/memory/Words.h"

#include <onnxruntime/onnxruntime_c_api.h>

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLibrary>
#include <array>
#include <mutex>
#include <span>

namespace sb::memory {

using namespace Qt::StringLiterals;
using Vectors = std::vector<std::vector<float>>;

namespace {

constexpr int longestInput = 512; // pieces; what BERT was taught
constexpr qsizetype textsAtOnce = 16;
constexpr qint64 largestVocabulary = 32 << 20;
constexpr qint64 largestConfiguration = 1 << 20;

/// onnxruntime, once it is needed. Null when this machine has none that fits.
const OrtApi* runtimeApi()
{
    static const OrtApi* const api = []() -> const OrtApi* {
        // Debian's name first: release 1.21 has the interface 21, and the file is called so.
        for (const QString& version : {u"1.%1"_s.arg(ORT_API_VERSION), u"1"_s, QString()}) {
            QLibrary library(u"onnxruntime"_s, version);
            using GetBase = const OrtApiBase* (*)();
            if (const auto base = reinterpret_cast<GetBase>(library.resolve("OrtGetApiBase"))) {
                return base()->GetApi(ORT_API_VERSION);
            }
        }
        return nullptr;
    }();
    return api;
}

/// Something of onnxruntime's that is released in the end.
template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

Result<QByteArray> contentOf(const QString& path, qint64 most)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(
            ErrorCode::NotFound,
            u"The folder of the model has no readable %1. It needs model.onnx and vocab.txt."_s.arg(
                QFileInfo(path).fileName()),
            path);
    }
    if (file.size() > most) {
        return fail(ErrorCode::InvalidInput,
                    u"%1 is far too large to be what its name says."_s.arg(path),
                    path);
    }
    return file.readAll();
}

Result<quint64> digestOfFile(const QString& path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly) || file.size() == 0) {
        return fail(
            ErrorCode::NotFound,
            u"The folder of the model has no readable model.onnx. It needs model.onnx and vocab.txt."_s,
            path);
    }
    const uchar* bytes = file.map(0, file.size());
    if (!bytes) {
        return fail(ErrorCode::Io, u"%1 cannot be read."_s.arg(path), path);
    }
    return digestOf(bytes, size_t(file.size()));
}

} // namespace

struct OnnxEmbedder::Model
{
    QString folder;
    QString name;
    WordPiece pieces;
    size_t longest = longestInput;

    std::mutex mutex; // one text after another: a model takes all processors anyway
    const OrtApi* api = nullptr;
    OrtEnv* environment = nullptr;
    OrtSession* session = nullptr;
    std::vector<std::string> inputs;
    std::string output;

    explicit Model(WordPiece made) : pieces(std::move(made)) {}
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;
    ~Model()
    {
        if (session) {
            api->ReleaseSession(session);
        }
        if (environment) {
            api->ReleaseEnv(environment);
        }
    }

    [[nodiscard]] Result<> check(OrtStatus* status, const QString& what) const;
    Result<> load();
    Result<std::vector<std::string>> names(bool ofInputs) const;
    Result<Vectors> embed(const QStringList& texts);
    Result<> embedSome(const QStringList& texts, Vectors& vectors);
    Result<>
    pool(OrtValue* value, const std::vector<qint64>& mask, size_t count, Vectors& vectors) const;
};

Result<> OnnxEmbedder::Model::check(OrtStatus* status, const QString& what) const
{
    if (!status) {
        return {};
    }
    const QString why = QString::fromUtf8(api->GetErrorMessage(status)).simplified().left(300);
    api->ReleaseStatus(status);
    return fail(ErrorCode::Corrupt, what, folder + u": "_s + why);
}

Result<std::vector<std::string>> OnnxEmbedder::Model::names(bool ofInputs) const
{
    const QString what = u"The model in %1 does not tell its inputs and outputs."_s.arg(folder);
    OrtAllocator* allocator = nullptr;
    SB_CHECK(check(api->GetAllocatorWithDefaultOptions(&allocator), what));
    size_t count = 0;
    SB_CHECK(check(ofInputs ? api->SessionGetInputCount(session, &count)
                            : api->SessionGetOutputCount(session, &count),
                   what));
    std::vector<std::string> all;
    for (size_t i = 0; i < count; ++i) {
        char* one = nullptr;
        SB_CHECK(check(ofInputs ? api->SessionGetInputName(session, i, allocator, &one)
                                : api->SessionGetOutputName(session, i, allocator, &one),
                       what));
        all.emplace_back(one);
        SB_CHECK(check(api->AllocatorFree(allocator, one), what));
    }
    return all;
}

Result<> OnnxEmbedder::Model::load()
{
    if (session) {
        return {};
    }
    api = runtimeApi();
    if (!api) {
        return fail(
            ErrorCode::Unsupported,
            u"Models in a folder need onnxruntime, which this machine does not have. Install it, or choose another embedder."_s);
    }
    const QString what = u"The model in %1 cannot be loaded. Is model.onnx whole?"_s.arg(folder);
    if (!environment) {
        SB_CHECK(check(api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "signalbox", &environment), what));
    }
    OrtSessionOptions* raw = nullptr;
    SB_CHECK(check(api->CreateSessionOptions(&raw), what));
    const Owned<OrtSessionOptions> options(raw, api->ReleaseSessionOptions);
    SB_CHECK(check(api->SetSessionLogSeverityLevel(options.get(), ORT_LOGGING_LEVEL_FATAL), what));
    SB_CHECK(check(api->SetIntraOpNumThreads(options.get(), 1), what));
    OrtSession* made = nullptr;
    SB_CHECK(check(api->CreateSession(environment,
                                      QFile::encodeName(folder + u"/model.onnx"_s).constData(),
                                      options.get(),
                                      &made),
                   what));
    session = made;
    const auto giveUp = [&](const QString& why) {
        api->ReleaseSession(std::exchange(session, nullptr));
        return fail(ErrorCode::InvalidInput,
                    u"The model in %1 is no sentence model: %2."_s.arg(folder, why));
    };
    auto wanted = names(true);
    auto given = names(false);
    if (!wanted || !given || given->empty()) {
        return giveUp(u"it does not tell its inputs and outputs"_s);
    }
    inputs = std::move(*wanted);
    for (const std::string& input : inputs) {
        if (input != "input_ids" && input != "attention_mask" && input != "token_type_ids") {
            return giveUp(
                u"it wants the input \"%1\""_s.arg(QString::fromStdString(input).left(60)));
        }
    }
    if (!std::ranges::contains(inputs, std::string("input_ids"))) {
        return giveUp(u"it has no input \"input_ids\""_s);
    }
    output = std::ranges::contains(*given, std::string("sentence_embedding")) ? "sentence_embedding"
                                                                              : given->front();
    return {};
}

// The mean of the pieces' vectors, without what was filled up; a model that pools by itself gives
// one vector a text.
Result<> OnnxEmbedder::Model::pool(OrtValue* value,
                                   const std::vector<qint64>& mask,
                                   size_t count,
                                   Vectors& vectors) const
{
    const QString what = u"The model in %1 gives no vectors."_s.arg(folder);
    OrtTensorTypeAndShapeInfo* raw = nullptr;
    SB_CHECK(check(api->GetTensorTypeAndShape(value, &raw), what));
    const Owned<OrtTensorTypeAndShapeInfo> info(raw, api->ReleaseTensorTypeAndShapeInfo);
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t dimensions = 0;
    SB_CHECK(check(api->GetTensorElementType(info.get(), &type), what));
    SB_CHECK(check(api->GetDimensionsCount(info.get(), &dimensions), what));
    std::vector<int64_t> shape(dimensions);
    SB_CHECK(check(api->GetDimensions(info.get(), shape.data(), dimensions), what));
    const size_t length = mask.size() / count;
    const bool isPooled = dimensions == 2;
    if (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || dimensions < 2 || dimensions > 3 ||
        shape.front() != int64_t(count) || shape.back() <= 0 ||
        (!isPooled && shape[1] != int64_t(length))) {
        return fail(
            ErrorCode::InvalidInput,
            u"The model in %1 is no sentence model: its output has another shape."_s.arg(folder));
    }
    void* data = nullptr;
    SB_CHECK(check(api->GetTensorMutableData(value, &data), what));
    const auto* numbers = static_cast<const float*>(data);
    const auto size = size_t(shape.back());
    for (size_t text = 0; text < count; ++text) {
        std::vector<float> vector(size);
        for (size_t at = 0; at < (isPooled ? 1 : length); ++at) {
            if (isPooled || mask[text * length + at] != 0) {
                const float* piece = numbers + (isPooled ? text : text * length + at) * size;
                std::ranges::transform(vector, std::span(piece, size), vector.begin(), std::plus());
            }
        }
        normalise(vector);
        vectors.push_back(std::move(vector));
    }
    return {};
}

Result<> OnnxEmbedder::Model::embedSome(const QStringList& texts, Vectors& vectors)
{
    std::vector<std::vector<qint64>> rows;
    size_t length = 0;
    for (const QString& text : texts) {
        rows.push_back(pieces.encode(text, longest));
        length = std::max(length, rows.back().size());
    }
    std::vector<qint64> numbers;
    std::vector<qint64> mask;
    for (auto& row : rows) {
        mask.insert(mask.end(), row.size(), 1);
        mask.resize(mask.size() + length - row.size(), 0);
        row.resize(length, pieces.padding());
        numbers.insert(numbers.end(), row.begin(), row.end());
    }
    std::vector<qint64> kinds(numbers.size(), 0); // all of it is one sentence
    const QString what = u"The model in %1 could not be run."_s.arg(folder);
    OrtMemoryInfo* rawMemory = nullptr;
    SB_CHECK(
        check(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &rawMemory), what));
    const Owned<OrtMemoryInfo> memory(rawMemory, api->ReleaseMemoryInfo);
    const std::array<int64_t, 2> shape{int64_t(rows.size()), int64_t(length)};
    std::vector<Owned<OrtValue>> tensors;
    std::vector<const char*> inputNames;
    std::vector<const OrtValue*> values;
    for (const std::string& input : inputs) {
        auto& data = input == "input_ids" ? numbers : input == "attention_mask" ? mask : kinds;
        OrtValue* value = nullptr;
        SB_CHECK(check(api->CreateTensorWithDataAsOrtValue(memory.get(),
                                                           data.data(),
                                                           data.size() * sizeof(qint64),
                                                           shape.data(),
                                                           shape.size(),
                                                           ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
                                                           &value),
                       what));
        tensors.emplace_back(value, api->ReleaseValue);
        values.push_back(value);
        inputNames.push_back(input.c_str());
    }
    const char* outputName = output.c_str();
    OrtValue* result = nullptr;
    SB_CHECK(check(api->Run(session,
                            nullptr,
                            inputNames.data(),
                            values.data(),
                            values.size(),
                            &outputName,
                            1,
                            &result),
                   what));
    const Owned<OrtValue> owned(result, api->ReleaseValue);
    return pool(result, mask, rows.size(), vectors);
}

Result<Vectors> OnnxEmbedder::Model::embed(const QStringList& texts)
{
    const std::scoped_lock lock(mutex);
    SB_CHECK(load());
    Vectors vectors;
    for (qsizetype at = 0; at < texts.size(); at += textsAtOnce) {
        SB_CHECK(embedSome(texts.mid(at, textsAtOnce), vectors));
    }
    return vectors;
}

OnnxEmbedder::OnnxEmbedder(std::shared_ptr<Model> model, Executor& pool)
    : m_model(std::move(model)), m_pool(pool)
{
}

OnnxEmbedder::~OnnxEmbedder() = default;

Result<std::unique_ptr<OnnxEmbedder>> OnnxEmbedder::open(const QString& folder, Executor& pool)
{
    const QDir place(folder);
    if (!place.exists()) {
        return fail(
            ErrorCode::NotFound, u"There is no folder %1 with a model."_s.arg(folder), folder);
    }
    SB_TRY(const quint64 digest, digestOfFile(place.filePath(u"model.onnx"_s)));
    SB_TRY(const QByteArray vocabulary,
           contentOf(place.filePath(u"vocab.txt"_s), largestVocabulary));
    QJsonObject configuration;
    if (const QString path = place.filePath(u"tokenizer_config.json"_s); QFile::exists(path)) {
        SB_TRY(const QByteArray json, contentOf(path, largestConfiguration));
        const auto document = QJsonDocument::fromJson(json);
        if (!document.isObject()) {
            return fail(
                ErrorCode::InvalidInput,
                u"tokenizer_config.json of the model in %1 is no JSON object."_s.arg(folder),
                path);
        }
        configuration = document.object();
    }
    const bool lowerCase = configuration["do_lower_case"_L1].toBool(true);
    auto pieces = WordPiece::fromVocabulary(vocabulary, lowerCase);
    if (!pieces) {
        return std::unexpected(
            pieces.error().inFrontOf(u"The model in %1 cannot be used"_s.arg(folder)));
    }
    auto model = std::make_shared<Model>(std::move(*pieces));
    model->folder = folder;
    model->longest = size_t(
        std::clamp(configuration["model_max_length"_L1].toInt(longestInput), 8, longestInput));
    const quint64 all =
        digestOf(vocabulary.constData(), size_t(vocabulary.size()), digest ^ (lowerCase ? 1 : 0));
    model->name = u"onnx:"_s + QString::number(all, 16).rightJustified(16, u'0');
    return std::unique_ptr<OnnxEmbedder>(new OnnxEmbedder(std::move(model), pool));
}

QString OnnxEmbedder::name() const
{
    return m_model->name;
}

Future<Vectors> OnnxEmbedder::embed(QStringList texts)
{
    return runOn(m_pool,
                 [model = m_model, texts = std::move(texts)] { return model->embed(texts); });
}

} // namespace sb::memory
