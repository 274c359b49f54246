<?php

// app/View/Components/PopulerToken.php: what populer-script.blade.php says where config('services.populer.page_key') is set.

namespace App\View\Components;

class PopulerToken
{
    /** A page token: this server's word for one view of a page that it makes now; empty without a key or an article. */
    public static function of(string $item, string $key): string
    {
        if ($item === '' || $key === '') {
            return '';
        }
        $signed = intdiv(time(), 3600) . '.' . bin2hex(random_bytes(16));
        $mac = substr(hash_hmac('sha256', "$signed.$item", $key, true), 0, 16);
        return $signed . '.' . rtrim(strtr(base64_encode($mac), '+/', '-_'), '=');
    }
}
