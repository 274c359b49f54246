<?php
// The script that counts the open article and keeps lists moving.

if (!defined('ABSPATH')) {
    exit;
}

/** The id under which the open article counts; empty on a page that is none. */
function populer_item(): string
{
    return is_singular(populer_post_types()) && !is_preview() ? (string) get_queried_object_id() : '';
}

/** A page token: this server's word for one view of a page that it makes now. */
function populer_token(string $item, string $key): string
{
    $signed = intdiv(time(), 3600) . '.' . bin2hex(random_bytes(16));
    $mac = substr(hash_hmac('sha256', "$signed.$item", $key, true), 0, 16);
    return $signed . '.' . rtrim(strtr(base64_encode($mac), '+/', '-_'), '=');
}

/** Print the script's tag. An empty data-item says that the page is no article. */
function populer_script(): void
{
    $site = populer_setting('site') !== '' ? ['data-site' => populer_setting('site')] : [];
    $item = populer_item();
    $token = defined('POPULER_PAGE_KEY') && $item !== '' ? ['data-token' => populer_token($item, POPULER_PAGE_KEY)] : [];
    $src = rtrim(populer_setting('url'), '/') . '/populer.js';
    wp_print_script_tag(['src' => esc_url_raw($src), 'async' => true, 'data-item' => $item] + $site + $token);
}
