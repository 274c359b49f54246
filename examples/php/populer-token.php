<?php

/**
 * A page token: this server's word for one view of a page that it makes now. Never put it into a page that is cached.
 *
 *     <script async src="https://populer.example/populer.js" data-item="<?= htmlspecialchars($id) ?>"
 *       data-token="<?= populer_token($id, getenv('POPULER_PAGE_KEY')) ?>"></script>
 */
function populer_token(string $item, string $key): string
{
    $signed = intdiv(time(), 3600) . '.' . bin2hex(random_bytes(16));
    $mac = substr(hash_hmac('sha256', "$signed.$item", $key, true), 0, 16);
    return $signed . '.' . rtrim(strtr(base64_encode($mac), '+/', '-_'), '=');
}
