<?php

/** The service refuses what was sent, or did not answer in time (code 0); the code is the HTTP status. */
class PopulerException extends RuntimeException
{
    public array $problem = [];
}

/**
 * A client of a Populer service for PHP 7.4 and later, without dependencies; `allow_url_fopen` must be on.
 *
 *     $populer = new Populer('https://populer.example', getenv('POPULER_KEY'));
 *     $populer->describe([['id' => 'berita-1', 'title' => 'Judul', 'url' => 'https://www.example.id/berita-1']]);
 *
 * Every request may be sent twice: items are upserts, and a batch of events carries an `Idempotency-Key`. So what leaves
 * the outcome unknown (no connection, a timeout, 429, 502, 503, 504) is tried again, `$tries` times in all.
 */
class Populer
{
    private const TRY_AGAIN = [429, 502, 503, 504];
    private const BATCH = 1000;

    private string $url;
    private string $key;
    private string $site;
    private float $patienceS;
    private int $tries;
    private float $pauseS;

    /** `$key`: the site's write key; lists can be read without one. `$site`: its id, where the service has several. */
    public function __construct(
        string $url,
        string $key = '',
        string $site = '',
        float $patienceS = 5.0,
        int $tries = 3,
        float $pauseS = 0.2
    ) {
        if (!preg_match('~^https?://[^/]~', $url)) {
            throw new PopulerException("The address must be one such as https://populer.example, not $url.");
        }
        $this->url = rtrim($url, '/');
        $this->key = $key;
        $this->site = $site;
        $this->patienceS = $patienceS;
        $this->tries = $tries;
        $this->pauseS = $pauseS;
    }

    /**
     * Describe articles (fields: docs/catalogue.md); one that was taken down stays down, see publish().
     *
     * @return array of each article `['id' => …, 'ok' => bool, 'ignored' => [why], 'error' => why]`
     */
    public function describe(array $items): array
    {
        $outcomes = [];
        foreach (array_chunk(array_values($items), self::BATCH) as $batch) {
            try {
                $outcomes = array_merge($outcomes, $this->send('PUT', '/v1/items', $batch)['items'] ?? []);
            } catch (PopulerException $error) {
                $invalid = $error->problem['invalid'] ?? null;
                if ($error->getCode() !== 422 || !is_array($invalid)) {
                    throw $error;
                }
                foreach ($invalid as $each) {  // none of them can be stored, each for a reason of its own
                    $id = $batch[$each['index']]['id'] ?? null;
                    $outcomes[] = ['id' => $id, 'ok' => false, 'ignored' => [], 'error' => $each['error']];
                }
            }
        }
        return $outcomes;
    }

    /** Describe an article that is published, or published anew: a take-down is over. The article as stored. */
    public function publish(array $item): array
    {
        return $this->send('PUT', '/v1/items/' . rawurlencode((string) $item['id']), $item);
    }

    /** Take an article out of every list. */
    public function takeDown(string $id): void
    {
        $this->send('DELETE', '/v1/items/' . rawurlencode($id));
    }

    /** Let addresses that an article has had before count for it. All names that it has now. */
    public function alias(string $id, array $urls): array
    {
        return $this->send('PUT', '/v1/items/' . rawurlencode($id) . '/aliases', ['urls' => array_values($urls)]);
    }

    /** Record events, such as `['item' => 'berita-1', 'visitor' => '…']`. They count once, however often they are sent. */
    public function record(array $events): array
    {
        return $this->send('POST', '/v1/events', array_values($events), ['Idempotency-Key: ' . bin2hex(random_bytes(16))]);
    }

    /** A list: `$query` may have limit, section, exclude. */
    public function list(string $name, array $query = []): array
    {
        return $this->send('GET', '/v1/lists/' . rawurlencode($name), null, [], $query);
    }

    private function send(string $method, string $path, ?array $body = null, array $headers = [], array $query = []): array
    {
        $query = array_filter($query + ['site' => $this->site], static fn($value): bool => (string) $value !== '');
        $address = $this->url . $path . ($query ? '?' . http_build_query($query) : '');
        $headers[] = 'Content-Type: application/json';
        if ($this->key !== '') {
            $headers[] = "Authorization: Bearer $this->key";
        }
        $content = $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE);
        $http = ['method' => $method, 'header' => $headers, 'content' => $content, 'timeout' => $this->patienceS,
            'ignore_errors' => true, 'follow_location' => 0];
        for ($try = 1;; $try++) {
            [$status, $text] = $this->tried($address, stream_context_create(['http' => $http]));
            if ($try >= $this->tries || ($status !== 0 && !in_array($status, self::TRY_AGAIN, true))) {
                return $this->answered($status, $text);
            }
            usleep((int) (1e6 * $this->pauseS * 2 ** ($try - 1)));
        }
    }

    /** The HTTP status and text of an answer; 0, and why there is none. */
    private function tried(string $address, $context): array
    {
        error_clear_last();
        $stream = @fopen($address, 'r', false, $context);
        if ($stream === false) {
            return [0, preg_replace('~^.*: ~', '', error_get_last()['message'] ?? '')];
        }
        $text = stream_get_contents($stream);
        $about = stream_get_meta_data($stream);
        fclose($stream);
        if ($about['timed_out'] || $text === false || !preg_match('~^HTTP/\S+ (\d+)~', $about['wrapper_data'][0] ?? '', $found)) {
            return [0, 'it took too long'];
        }
        return [(int) $found[1], $text];
    }

    private function answered(int $status, string $text): array
    {
        if ($status === 0) {
            throw new PopulerException("The service at $this->url does not answer: $text.");
        }
        if ($status === 204) {
            return [];
        }
        $found = json_decode($text, true);
        if ($status >= 200 && $status < 300 && is_array($found)) {
            return $found;
        }
        $said = $status < 300 ? 'is no Populer service.' : "answered $status. " . (is_array($found) ? $found['detail'] ?? '' : '');
        $error = new PopulerException(trim("What is at $this->url $said"), $status);
        $error->problem = is_array($found) ? $found : [];
        throw $error;
    }
}
