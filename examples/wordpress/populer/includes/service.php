<?php
// Requests that describe articles to the service. Whatever goes wrong is a WP_Error with a sentence for the owner.

if (!defined('ABSPATH')) {
    exit;
}

/** The address of something the service has. */
function populer_address(string $path, array $query = []): string
{
    $query = array_filter($query + ['site' => populer_setting('site')], static fn($value) => (string) $value !== '');
    return rtrim(populer_setting('url'), '/') . $path . ($query ? '?' . http_build_query($query) : '');
}

/**
 * The decoded answer to a request with the write key, waited for so many seconds; its error has the HTTP status as code,
 * or `away`.
 *
 * @return array|WP_Error
 */
function populer_request(string $method, string $path, ?array $body, float $patience_s)
{
    $answer = wp_remote_request(populer_address($path), [
        'method' => $method,
        'timeout' => $patience_s,
        'redirection' => 0,  // a PUT that is led elsewhere would go on as a GET
        'headers' => ['Authorization' => 'Bearer ' . populer_setting('key'), 'Content-Type' => 'application/json'],
        'body' => $body === null ? null : wp_json_encode($body),
    ]);
    if (is_wp_error($answer)) {
        /* translators: %s: what the network says */
        return new WP_Error('away', sprintf(__('The service does not answer: %s.', 'populer'), rtrim($answer->get_error_message(), '.')));
    }
    $status = (int) wp_remote_retrieve_response_code($answer);
    $found = json_decode(wp_remote_retrieve_body($answer), true);
    $found = is_array($found) ? $found : [];
    if ($status >= 200 && $status < 300) {
        return $found;
    }
    if ($status === 401 || $status === 403) {
        return new WP_Error($status, __('The service refuses the key. Enter the site\'s write key.', 'populer'));
    }
    $detail = is_string($found['detail'] ?? null) ? $found['detail'] : '';
    /* translators: 1: HTTP status, 2: the service's sentence */
    return new WP_Error($status, trim(sprintf(__('The service answered %1$d. %2$s', 'populer'), $status, $detail)), $found);
}
